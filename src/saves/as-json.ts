/** What JSON makes of a type. */

/**
 * What comes back as `stored` where `onSave` returned a `Value`: a Date is a string, and nothing is null. What has
 * no JSON of its own (a Map, a function, a bigint) should not be in it: it is lost, whatever this type says.
 * @example AsJson<{ size: number; at: Date }> // { size: number; at: string }
 */
export type AsJson<Value> = unknown extends Value
  ? unknown
  : Value extends unknown // each part of a union on its own
    ? undefined extends Value
      ? null
      : InJson<Value>
    : never

/** The same inside of an object, where `undefined` is a property that is left out. */
type InJson<Value> = unknown extends Value
  ? unknown
  : Value extends { toJSON: (...given: never) => infer Json }
    ? InJson<Json>
    : Value extends object
      ? { [Name in keyof Value]: InJson<Value[Name]> }
      : Value
