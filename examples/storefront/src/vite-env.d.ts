interface ImportMetaEnv {
  /** URL of the API, without a slash at its end */
  readonly VITE_SHOP_URL: string;
  /** Id of a public OAuth client with the redirect URI `<origin>/callback` */
  readonly VITE_CLIENT_ID: string;
}
