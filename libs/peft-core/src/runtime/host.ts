/**
 * The main program of an engine's process; `startEngine` forks it.
 * @module
 */
import { buildTrainingGraph } from '../train/graph.js'
import { serve } from './serve.js'

serve(buildTrainingGraph)
