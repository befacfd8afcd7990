import { expect, test } from 'vitest'
import { companyFault, listsFault, neighbourFault, survivorsFault } from './company.js'

const [self, a, b, c, fake, other] = ['0', 'a', 'b', 'c', 'e', 'f'].map((digit) => digit.repeat(32)) as [
  string,
  ...string[],
] as [string, string, string, string, string, string]
const company = { minAgents: 3, peers: new Set([a, b, c]) }

test('a sum counts the agents that the site knows, itself included, and nobody else', () => {
  expect(companyFault([self, a, b], company, self)).toBeUndefined()
  expect(companyFault([self, a, b, fake, other], company, self)).toBeUndefined()
  expect(companyFault([self, a, fake, other], company, self)).toMatch(
    /^a sum with 2 agents that this site knows.* at least 3 /,
  )
  expect(companyFault([self, fake, other], { minAgents: 3, peers: null }, self)).toBeUndefined()
})

test('agents that the site does not know have to be too few to take its masks off', () => {
  expect(neighbourFault([a, b, fake], 2, company)).toBeUndefined()
  expect(neighbourFault([a, b, fake, other], 3, company)).toBeUndefined()
  expect(neighbourFault([a, b, fake, other], 2, company)).toMatch(
    /^shares for 2 agents that this site does not know, of which 2 /,
  )
  expect(neighbourFault([fake, other], 2, { minAgents: 3, peers: null })).toBeUndefined()
})

test('agents that the site does not know have to be too few to confirm two lists', () => {
  expect(listsFault([self, a, b, c], 3, company, self)).toBeUndefined()
  expect(listsFault([self, a, b, c, fake], 4, company, self)).toBeUndefined()
  expect(listsFault([self, a, b, c, fake], 3, company, self)).toMatch(
    /^3 confirmations of 5 agents, 1 of whom this site does not know /,
  )
  expect(listsFault([self, a, fake], 2, company, self)).toMatch(/^2 confirmations of 3 agents, 1 /)
  expect(listsFault([self, fake, other], 2, { minAgents: 2, peers: null }, self)).toBeUndefined()
})

test('agents that the site does not know have to leave enough others, also when others drop out', () => {
  expect(survivorsFault([self, a, b, c], 3, { ...company, minAgents: 4 }, self)).toBeUndefined()
  expect(survivorsFault([self, a, b, c, fake], 3, company, self)).toBeUndefined()
  expect(survivorsFault([self, a, b, c, fake, other], 3, company, self)).toMatch(
    /with 2 agents that this site knows/,
  )
  expect(survivorsFault([self, a, b], 3, company, self)).toBeUndefined()
  expect(survivorsFault([self, fake], 2, { minAgents: 3, peers: null }, self)).toBeUndefined()
})
