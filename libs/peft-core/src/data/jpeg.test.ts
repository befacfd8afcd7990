import { expect, test } from 'vitest'
import { decodeJpeg } from './jpeg.js'
import { decodePicture } from './picture.js'

// 11 x 9 pixels, written by Pillow 12.3, and the fifth line as Pillow (libjpeg-turbo) reads it.
const pictures = {
  quartered: {
    file: '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjL/wAARCAAJAAsDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABAUG/8QAIhAAAQMCBgMAAAAAAAAAAAAAAQACBAMhBhESEzRxBSRh/8QAFQEBAQAAAAAAAAAAAAAAAAAAAwT/xAAgEQACAQIHAQAAAAAAAAAAAAABAgMABQQREiEiMUFh/9oADAMBAAIRAxEAPwANGpOxRKphzC6PrAcCcg1udzf4tJseKh+vpaduyn4Z4R6QZXKqdq+zIWDICQo8pocNHfXaOYaVi4jL36d+6//Z',
    line: [
      115, 94, 65, 121, 59, 44, 186, 46, 55, 208, 26, 49, 221, 28, 57, 186, 33, 54, 122, 56, 58, 161, 169,
      158, 135, 203, 188, 113, 204, 195, 118, 192, 203,
    ],
  },
  'halved and progressive': {
    file: '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjL/wgARCAAJAAsDASEAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAwQF/8QAFQEBAQAAAAAAAAAAAAAAAAAAAwH/2gAMAwEAAhADEAAAAQ0lk4I//8QAGhAAAgIDAAAAAAAAAAAAAAAAAQIEMgADEf/aAAgBAQABBQIF5Tc1JkajW//EAB0RAAEDBQEAAAAAAAAAAAAAAAMAATICBAUSMXH/2gAIAQMBAT8BvhMfWgLx6sXMnq//xAAZEQEAAgMAAAAAAAAAAAAAAAABAAQCEkH/2gAIAQIBAT8BqOQaEo9n/8QAGRAAAgMBAAAAAAAAAAAAAAAAAAEQElFS/9oACAEBAAY/AlyVyGf/xAAaEAACAgMAAAAAAAAAAAAAAAABEQAQIUFh/9oACAEBAAE/IXUG2eCagWt//9oADAMBAAIAAwAAABAj/8QAGREAAQUAAAAAAAAAAAAAAAAAEQEQIWGR/9oACAEDAQE/EJHAFFxi/8QAFhEAAwAAAAAAAAAAAAAAAAAAAAEx/9oACAECAQE/EGWSKP8A/8QAHBAAAgICAwAAAAAAAAAAAAAAAAERITFBYXGh/9oACAEBAAE/EEA2CkbhSW74N4YGXo9B/9k=',
    line: [
      140, 80, 69, 139, 50, 46, 193, 43, 54, 211, 25, 46, 224, 28, 52, 193, 30, 49, 136, 50, 51, 171, 165,
      153, 131, 206, 185, 90, 216, 194, 73, 215, 201,
    ],
  },
  whole: {
    file: '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjL/wAARCAAJAAsDAREAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABAUG/8QAIhAAAQMCBgMAAAAAAAAAAAAAAQACBAMhBhESEzRxBSRh/8QAGAEBAAMBAAAAAAAAAAAAAAAABgIEBQf/xAAkEQAABQIFBQAAAAAAAAAAAAAAAQIDBAUREzNBUYExMjVx8P/aAAwDAQACEQMRAD8ADRqTsUSqYcwuj6wHAnINbnc3+KtDNcJRYZF9yNxUunxYJxzcs5Y7FY+umg0mx4qH6+lp27JS2t9xJL3AM6BMePE3E/DPCPSLN95CUry3IDK5VTtOI+UkdXYy0+h//9k=',
    line: [
      128, 87, 69, 124, 57, 51, 215, 30, 64, 239, 10, 51, 221, 30, 48, 238, 9, 42, 187, 25, 49, 124, 189, 149,
      107, 218, 185, 104, 208, 199, 102, 197, 215,
    ],
  },
  grey: {
    file: '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAAJAAsBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABAUG/8QAIhAAAQMCBgMAAAAAAAAAAAAAAQACBAMhBhESEzRxBSRh/9oACAEBAAA/AA0ak7FEqmHMLo+sBwJyDW53N/i0mx4qH6+lp27KfhnhHpBlcqp2v//Z',
    line: [
      97, 97, 97, 76, 76, 76, 89, 89, 89, 83, 83, 83, 89, 89, 89, 81, 81, 81, 76, 76, 76, 165, 165, 165, 181,
      181, 181, 176, 176, 176, 171, 171, 171,
    ],
  },
  'red, green and blue': {
    file: '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAIBgYHBgUIBwcHCQkICgwUDQwLCwwZEhMPFB0aHx4dGhwcICQuJyAiLCMcHCg3KSwwMTQ0NB8nOT04MjwuMzQy/8AAEQgACQALA1IRAEcRAEIRAP/EABgAAQEAAwAAAAAAAAAAAAAAAAcGAgQF/8QALRAAAQEHAQUIAwAAAAAAAAAAAQIAAwQFBhEhEjI0NkFyBxMiJDEzNXFDc8H/2gAMA1IARwBCAAA/AO8mdyaNpsyd7HqTGh2pIcBB2s6RfTbOObT6Ieoa+qBzFKhFLlofJ1qKwkId3Go5IvYXOGn6afzhEwhkQsK5XCF4gPFqOQm41HaHpnk0KezWJWSrSrJuyIZzS8p8hpdHuPBdnaE3V39Noy/jw/s/rY0hwUvoYdo78bPjv2kdIYVmvysT1lmKE3V39N//2Q==',
    line: [
      128, 79, 44, 131, 54, 76, 218, 23, 37, 220, 20, 45, 211, 23, 52, 217, 32, 45, 229, 22, 37, 123, 205,
      177, 108, 216, 188, 105, 205, 204, 104, 195, 218,
    ],
  },
} as const

test.each(Object.entries(pictures))(
  'a JPEG with its colours %s has the pixels that libjpeg gives it',
  (_, { file, line }) => {
    const { width, height, rgb } = decodeJpeg(Buffer.from(file, 'base64'))
    expect([width, height, rgb.length]).toEqual([11, 9, 297])
    const distances = line.map((level, at) => Math.abs(level - (rgb[4 * 33 + at] as number)))
    expect(Math.max(...distances)).toBeLessThanOrEqual(3)
    expect(distances.reduce((sum, one) => sum + one, 0) / 33).toBeLessThan(0.6)
  },
)

test('a JPEG that is cut off, damaged or coded otherwise is refused', () => {
  const bytes = Buffer.from(pictures.quartered.file, 'base64')
  expect(() => decodePicture(bytes.subarray(0, 100))).toThrow('JPEG is cut off before its size')
  expect(() => decodePicture(bytes.subarray(0, -2))).toThrow('JPEG is cut off: it has no end')
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]))
  const other = (at: number, value: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy[frame + at] = value
    return copy
  }
  expect(() => decodePicture(other(1, 0xc3))).toThrow('expected baseline or progressive coding')
  expect(() => decodePicture(other(4, 12))).toThrow('JPEG expected 8 bits, got 12')
  expect(() => decodePicture(other(6, 0))).toThrow('JPEG has 11 x 0 pixels')
  const scan = bytes.indexOf(Buffer.from([0xff, 0xda]))
  const half = Buffer.concat([bytes.subarray(0, scan + 20), Buffer.from([0xff, 0xd9])])
  expect(() => decodePicture(half)).toThrow('JPEG cannot be read')
})
