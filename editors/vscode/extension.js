// Starts `striate lsp` when a .nn file is opened, and ends it with the window.
"use strict";

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const command = workspace.getConfiguration("striate").get("path");
  client = new LanguageClient("striate", "Striate", { command, args: ["lsp"] }, {
    documentSelector: [{ language: "striate" }],
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.nn") },
  });
  return client.start();
}

function deactivate() {
  return client && client.stop();
}

module.exports = { activate, deactivate };
