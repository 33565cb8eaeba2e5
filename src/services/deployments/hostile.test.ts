import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { refusalOf } from '../resources/faults.ts'
import { openBudget, evaluateValue } from './evaluate.ts'
import { ExpressionProblem, parseExpression } from './expression.ts'
import type { Scope } from './scope.ts'
import { readRequest } from './request.ts'
import { parseTemplateText } from './template-text.ts'

const pieces = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  ',',
  ':',
  'template',
  ' ',
  '\n',
  '//',
  '/*',
  '*/',
  '\\',
  '1',
  'null',
  '(',
  ')',
  '.',
  'concat',
  "'a'",
  '__proto__',
  'é',
  '\u0000',
)
const texts = fc.oneof(
  fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
)
const place = { subscription: {}, resourceGroup: {}, tenant: {}, deployment: {} }
const scope = (): Scope => ({
  budget: openBudget(),
  place,
  parameter: (name) => Promise.reject(new ExpressionProblem(name)),
  variable: () => Promise.resolve({ a: 1, list: [1, 2] }),
  reference: null,
  fresh: null,
})

describe('what a client sends', () => {
  it('reads as it would be as JSON, whatever the value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseTemplateText(text).value).toEqual(JSON.parse(text))
      }),
    )
  })
  it('is read or refused, and nothing else, however broken', () => {
    fc.assert(
      fc.property(texts, (text) => {
        try {
          readRequest(Buffer.from(`{"properties":{template:${text}}}`))
        } catch (error) {
          expect(refusalOf(error)?.status).toBe(400)
        }
      }),
      { numRuns: 2000 },
    )
  })
  it('is computed or refused as an expression, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        try {
          await evaluateValue(`[${text}]`, scope())
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionProblem)
        }
      }),
      { numRuns: 2000 },
    )
  })
  it('reaches no prototype by the name of a member', async () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      await expect(evaluateValue(`[variables('v').${name}]`, scope())).rejects.toThrow(/doesn't exist/)
      expect(await evaluateValue(`[contains(variables('v'), '${name}')]`, scope())).toBe(false)
    }
  })
  it('takes no longer for being hostile', () => {
    const broken = ['/*', '"\\', ' ', 'a ', 'a/*', '"a":', '[],', '{"a', "'", ',', '1'].map((part) =>
      part.repeat(2_000_000 / part.length),
    )
    const started = performance.now()
    for (const text of broken) {
      try {
        parseTemplateText(text)
      } catch (error) {
        expect(refusalOf(error)?.code).toBe('InvalidRequestContent')
      }
    }
    expect(() => parseExpression(`[${'f('.repeat(5_000)}]`)).toThrow(ExpressionProblem)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
