export { type Clipped, clip, jointNorm, type Tensor } from './clip.js'
