/**
 * The adapter_config.json of bottleneck adapters. PEFT has no such method: the form is this library's own, with PEFT's names
 * where PEFT has them.
 * @module
 */
import { type BottleneckConfig, checkedBottleneck, type NonLinearity } from './bottleneck-config.js'
import {
  type Fields,
  fieldReader,
  formatFields,
  originFields,
  readOrigin,
  refuseFields,
} from './json-fields.js'

/** The file: sorted keys, two spaces, ASCII only. */
export function formatBottleneck(config: BottleneckConfig): string {
  const fields = {
    ...originFields(config),
    bottleneck_size: config.size,
    exclude_modules: config.excludeModules,
    layers_pattern: config.layersPattern,
    layers_to_transform: config.layersToTransform,
    modules_to_save: null,
    non_linearity: config.nonLinearity,
    peft_type: 'BOTTLENECK',
    target_modules: config.targetModules,
  }
  return formatFields(fields, [])
}

/** The configuration that the fields of a file say. TypeError or RangeError as `parsePeftConfig`. */
export function parseBottleneck(fields: Fields): BottleneckConfig {
  refuseFields(fields, ['modules_to_save'])
  const read = fieldReader(fields)
  return checkedBottleneck({
    method: 'bottleneck',
    size: read.number('bottleneck_size', 0),
    nonLinearity: read.text('non_linearity') as NonLinearity,
    targetModules: read.names('target_modules') ?? [],
    excludeModules: read.names('exclude_modules'),
    layersToTransform: read.layers('layers_to_transform'),
    layersPattern: read.names('layers_pattern'),
    ...readOrigin(fields),
  })
}
