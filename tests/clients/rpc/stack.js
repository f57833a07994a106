/** The deployed stack, its admin, and a customer. */

export const { url, envoy, admin, person, product } = JSON.parse(process.env.SHOP_STACK);

/** An interceptor that sends an access token. */
export const authorize = (token) => (next) => (request) => {
  if (token) request.header.set("Authorization", `Bearer ${token}`);
  return next(request);
};

/** The line that a client of binary messages needs outside of browsers. */
export const accept = (next) => (request) => {
  request.header.set("Accept", "*/*");
  return next(request);
};
