import { signedRootSchema, type TrustView, trustViewSchema } from '@lorica/protocol'
import { z } from 'zod'
import { body, type Route, route } from '../api/route.js'
import { announceTrust, type TrustParts } from '../releases/announce-trust.js'

/** Who may sign for the fleet: the roots, their publication, and the rotation of the release key. */
export function trustRoutes(parts: TrustParts): readonly Route[] {
  const { trust } = parts
  const view = async (): Promise<TrustView> => ({
    root: trust.root(),
    roots: trust.roots(),
    rootKeysHere: await trust.rootKeysHere(),
  })
  return [
    route({
      path: 'GET /api/v1/trust',
      role: 'viewer',
      summary: 'Who may sign releases: the root in force, and those before it',
      answer: trustViewSchema,
      act: view,
    }),
    route({
      path: 'POST /api/v1/trust/roots',
      role: 'admin',
      summary: 'Puts a root in force that the keys before it signed, and tells every agent',
      body: body('root', signedRootSchema),
      answer: trustViewSchema,
      codes: ['LRC-5012', 'LRC-6103', 'LRC-6104', 'LRC-6105', 'LRC-6106'],
      act: async ({ body: signed }) => {
        await trust.publish(signed)
        await announceTrust(parts)
        return view()
      },
    }),
    route({
      path: 'POST /api/v1/trust/rotate',
      role: 'admin',
      summary:
        'Makes a release key and the root that names it, which is in force at once when the root keys are here',
      answer: z.object({ root: signedRootSchema, isPublished: z.boolean() }),
      act: async () => {
        const rotated = await trust.rotate()
        if (rotated.isPublished) await announceTrust(parts)
        return rotated
      },
    }),
  ]
}
