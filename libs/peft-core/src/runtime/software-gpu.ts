/** Libraries that emulate a GPU on the processor: Mesa's lavapipe, SwiftShader, and WARP of Windows. */
const emulators = /libvulkan_lvp|swiftshader|d3d10warp/i

/** Drivers of real GPUs that a graphics loader may have open beside an emulator. */
const drivers =
  /libvulkan_(?:intel|intel_hasvk|radeon|nouveau|asahi|broadcom|freedreno|panfrost)|libGLX_nvidia|nvoglv|amdvlk|igvk/i

interface Report {
  readonly sharedObjects?: readonly string[]
}

/**
 * The library that emulates the GPU of this process, as far as its loaded libraries tell; undefined for a real GPU.
 * onnxruntime does not say which adapter it took.
 */
export function softwareGpu(): string | undefined {
  const { sharedObjects = [] } = process.report.getReport() as Report
  return emulatorAmong(sharedObjects)
}

/** The emulator among loaded libraries, when no driver of a real GPU is among them. */
export function emulatorAmong(libraries: readonly string[]): string | undefined {
  if (libraries.some((path) => drivers.test(path))) return undefined
  return libraries.find((path) => emulators.test(path))?.replace(/^.*[\\/]/, '')
}
