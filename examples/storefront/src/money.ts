/** Money: decimal strings with two places, as the API sends them. */

export function formatMoney(amount: string, currency: string): string {
  return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(Number(amount));
}

/** Return the exact total of lines in one currency. */
export function totalOf(lines: readonly { price: string; quantity: number }[]): string {
  const cents = lines.reduce((sum, it) => sum + centsOf(it.price) * BigInt(it.quantity), 0n);
  const digits = cents.toString().padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function centsOf(price: string): bigint {
  return BigInt(price.replace(".", ""));
}
