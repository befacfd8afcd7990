import { readdirSync, readlinkSync } from 'node:fs'

/** Libraries that emulate a GPU on the processor: Mesa's lavapipe, SwiftShader, and WARP of Windows. */
const emulators = /libvulkan_lvp|swiftshader|d3d10warp/i

/** Drivers of real GPUs that a graphics loader may have open beside an emulator. */
const drivers =
  /libvulkan_(?:intel|intel_hasvk|radeon|nouveau|asahi|broadcom|freedreno|panfrost)|libGLX_nvidia|nvoglv|amdvlk|igvk/i

/** What a driver holds open on Linux while it uses a GPU. */
const deviceFiles = /^\/dev\/(?:dri\/|nvidia|kfd$|dxg$|mali|kgsl)/

interface Report {
  readonly sharedObjects?: readonly string[]
}

/**
 * The library that emulates the GPU of this process, as far as its loaded libraries and open files tell; undefined for a
 * real GPU. onnxruntime does not say which adapter it took.
 */
export function softwareGpu(): string | undefined {
  const { sharedObjects = [] } = process.report.getReport() as Report
  return emulatorAmong(sharedObjects, process.platform === 'linux' ? openFiles() : undefined)
}

/**
 * The emulator among loaded libraries, when no real GPU is used. A loader opens every driver that is installed, so where
 * the open files are known, they decide; elsewhere a driver of a real GPU among the libraries does.
 */
export function emulatorAmong(
  libraries: readonly string[],
  openFiles: readonly string[] | undefined,
): string | undefined {
  const isReal =
    openFiles === undefined
      ? libraries.some((path) => drivers.test(path))
      : openFiles.some((path) => deviceFiles.test(path))
  if (isReal) return undefined
  return libraries.find((path) => emulators.test(path))?.replace(/^.*[\\/]/, '')
}

function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((file) => {
    try {
      return [readlinkSync(`/proc/self/fd/${file}`)]
    } catch {
      return [] // closed in between
    }
  })
}
