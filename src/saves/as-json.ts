/** What JSON makes of a type. */

/**
 * What comes back as `stored` where `onSave` returned a `Value`: a Date is a string, and nothing is null. What has
 * no JSON of its own (a Map, a function, a bigint) should not be in it: it is lost, whatever this type says.
 * `Nothing` is what becomes of `undefined`; in an object it stays, as a property that is left out.
 * @example AsJson<{ size: number; at: Date }> // { size: number; at: string }
 */
export type AsJson<Value, Nothing = null> = unknown extends Value
  ? unknown
  : Value extends Record<'toJSON', (...given: never) => infer Json>
    ? AsJson<Json, Nothing>
    : Value extends object
      ? { [Name in keyof Value]: AsJson<Value[Name], undefined> }
      : undefined extends Value
        ? [Nothing] extends [undefined]
          ? Value // not `undefined` itself: an optional property would be given it
          : Nothing
        : Value
