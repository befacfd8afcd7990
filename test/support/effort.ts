/** How much the reliability tests do. `npm run reliability` asks for more than `npm test`. */
export const effort = {
  seed: whole('LORICA_RELIABILITY_SEED', 20), // of the moments at which processes are killed
  kills: whole('LORICA_RELIABILITY_KILLS', 3), // of the coordinator at random moments
  rolloutKills: whole('LORICA_RELIABILITY_ROLLOUT_KILLS', 2), // of the coordinator at random moments of rollouts
  serving: whole('LORICA_RELIABILITY_SERVING', 4), // agents of a rollout
  points: whole('LORICA_RELIABILITY_POINTS', 4), // messages at which each side is killed, of those there are
  agents: whole('LORICA_RELIABILITY_AGENTS', 4), // that a coordinator leaves behind when it is restarted
  partitionSeconds: whole('LORICA_RELIABILITY_PARTITION', 32), // longer than a dead link goes unnoticed, and the lease
} as const

function whole(name: string, least: number): number {
  const text = process.env[name] ?? ''
  const value = Number(text)
  return text === '' || !Number.isInteger(value) ? least : value
}
