/**
 * @file Stands in for @vscode/spdlog, whose native part is not compiled here: without it the extension host keeps no logs, and the
 * tests read those. Plain synchronous files; no rotation.
 */
const { appendFileSync, mkdirSync } = require("node:fs");
const { dirname } = require("node:path");

exports.version = 0;
exports.setLevel = function setLevel() {};
exports.setFlushOn = function setFlushOn() {};

const levels = ["trace", "debug", "info", "warning", "error", "critical", "off"];

class Logger {
  constructor(_type, _name, path) {
    this.path = path;
    this.level = 2;
    this.isPlain = false;
    mkdirSync(dirname(path), { recursive: true });
  }
  write(level, message) {
    if (level < this.level) return;
    const head = this.isPlain ? "" : `${new Date().toISOString()} [${levels[level]}] `;
    try {
      appendFileSync(this.path, `${head}${message}${this.isPlain ? "" : "\n"}`);
    } catch {
      // The folder of the test is gone: so is whoever would read this.
    }
  }
  trace(message) {
    this.write(0, message);
  }
  debug(message) {
    this.write(1, message);
  }
  info(message) {
    this.write(2, message);
  }
  warn(message) {
    this.write(3, message);
  }
  error(message) {
    this.write(4, message);
  }
  critical(message) {
    this.write(5, message);
  }
  getLevel() {
    return this.level;
  }
  setLevel(level) {
    this.level = level;
  }
  clearFormatters() {
    this.isPlain = true;
  }
  setPattern() {}
  flush() {}
  drop() {}
}

exports.Logger = Logger;
exports.createRotatingLogger = async function createRotatingLogger(name, path) {
  return new Logger("rotating", name, path);
};
exports.createAsyncRotatingLogger = async function createAsyncRotatingLogger(name, path) {
  return new Logger("rotating_async", name, path);
};
