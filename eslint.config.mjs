// What the viewer's script is held to: `make lint-js`.
const browser = ["document", "window", "location", "history", "performance", "setTimeout", "requestAnimationFrame", "Option", "URLSearchParams"];

export default [
  {
    files: ["src/**/*.js"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { ecmaVersion: 2022, sourceType: "script", globals: Object.fromEntries(browser.map((name) => [name, "readonly"])) },
    rules: {
      "array-callback-return": "error",
      "consistent-return": "error",
      "default-case-last": "error",
      eqeqeq: "error",
      "no-constant-condition": "error",
      "no-dupe-keys": "error",
      "no-eval": "error",
      "no-fallthrough": "error",
      "no-implicit-globals": "off", // it is the only script of its page
      "no-implied-eval": "error",
      "no-redeclare": "error",
      "no-restricted-properties": ["error", { property: "innerHTML", message: "text from files never becomes markup" }, { property: "outerHTML" }],
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-undef": "error",
      "no-unreachable": "error",
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "prefer-const": "error",
      strict: ["error", "global"],
      "valid-typeof": "error",
    },
  },
];
