export { type Config, defaults } from './config.js'
export { type Coordinator, startCoordinator } from './coordinator.js'
export { type Log, stderrLog } from './log.js'
