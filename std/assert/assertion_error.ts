// Stands in for `@std/assert/assertion-error`.

/** What every assertion of this package throws when it does not hold. */
export class AssertionError extends Error {
  /**
   * @param message What did not hold.
   * @param options The cause, as for any `Error`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}
