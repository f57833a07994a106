/** The deployed stack, a customer, and a product to order. */

export const { url, person, product } = JSON.parse(process.env.SHOP_STACK);

export const endpoint = `${url}/graphql`;
export const authorization = { Authorization: `Bearer ${person.token}` };

export const PLACE = `mutation Place($input: PlaceOrderInput!) {
  placeOrder(input: $input) { order { id status } userErrors { code field } }
}`;
export const ORDERS = `query Orders($first: Int!, $after: String) {
  me {
    id
    orders(first: $first, after: $after) {
      edges { cursor node { id total } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}`;
export const input = { items: [{ productId: product.id, quantity: 1 }] };
