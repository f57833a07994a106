import { defineConfig } from "vite";

const server = { host: "127.0.0.1", port: 5173, strictPort: true };

export default defineConfig({
  server: { ...server, fs: { allow: [".", "../../clients/typescript"] } },
  preview: server,
  // The client is not published, so its sources are part of this build.
  resolve: {
    alias: {
      "@shop-backend/client": new URL("../../clients/typescript/src/index.ts", import.meta.url)
        .pathname,
    },
  },
});
