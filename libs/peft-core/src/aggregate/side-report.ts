import type { AggregationReport, ModuleReport } from './report.js'

/** What stands beside the trained factors of a module. Squares are of Frobenius norms. */
export interface ModuleSide {
  readonly rank: number // of the candidate: of what is trained, and of the side
  readonly square: number // of the whole exact adapter; of a module that was measured
  readonly energy: number // of the side, where it was compressed; 0 where it was not
  readonly dropped: number // of the side
}

/** The report of trained factors as one of whole adapters: with the side of each module, and without what was left out of it. */
export function reportBeside(
  report: AggregationReport,
  sides: ReadonlyMap<string, ModuleSide>,
): AggregationReport {
  const parts = report.modules.map((module) => {
    const side = sides.get(module.module) ?? { rank: module.rank, square: 0, energy: 0, dropped: 0 }
    const [error, averaged] = [squareOf(module, module.error), squareOf(module, module.averagedError)]
    return { module, side, error: error + side.dropped, averaged }
  })
  const total = { square: 0, error: 0, averaged: 0 }
  for (const { side, error, averaged } of parts) {
    total.square += side.square
    total.error += error
    total.averaged += averaged
  }
  const all = [...sides.values()]
  const isWhole = all.every(({ dropped }) => dropped === 0)
  const isMeasured = parts.length > 0
  return {
    ...report,
    exact: report.exact && isWhole,
    error: isMeasured ? relative(total.error, total.square) : null,
    averagedError: isMeasured ? relative(total.averaged, total.square) : null,
    norm: Math.sqrt(total.square),
    modules: parts.map(({ module, side, error, averaged }) => ({
      ...module,
      rank: side.rank,
      norm: Math.sqrt(side.square),
      error: relative(error, side.square),
      averagedError: relative(averaged, side.square),
      dropped: side.energy > 0 ? side.dropped / side.energy : null,
    })),
  }
}

function squareOf({ norm }: ModuleReport, share: number | null): number {
  return share === null ? 0 : (share * norm) ** 2
}

function relative(square: number, whole: number): number | null {
  return whole > 0 ? Math.sqrt(square / whole) : null
}
