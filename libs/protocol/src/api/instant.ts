import { z } from 'zod'

/** A moment in time, in ISO 8601 and UTC. */
export const instantSchema = z.string().meta({ format: 'date-time' })
