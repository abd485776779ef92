// What the provider must still know after it was killed: one JSON file per thing, in one directory.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Store {
  #directory;

  constructor(directory) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
  }

  path(name) {
    return join(this.#directory, name);
  }

  // The text of a file, which may be missing.
  read(name) {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : undefined;
  }

  // Whoever is killed in between leaves the old file or the new one, never half of one.
  write(name, text) {
    writeFileSync(this.path(`${name}.new`), text);
    renameSync(this.path(`${name}.new`), this.path(name));
  }

  // What was written under this name, or else what `make` returns, which is written.
  remember(name, make) {
    if (!existsSync(this.path(name))) this.write(name, JSON.stringify(make()));
    return JSON.parse(this.read(name));
  }
}

// As much of an adapter of oidc-provider as is needed without sessions and devices. An answer is not sent before the
// file is written, so whoever holds a token can rely on it. The provider itself looks at `exp`.
export function adapter(store) {
  const entries = new Map(Object.entries(store.remember('tokens.json', () => ({}))));
  const save = () => store.write('tokens.json', JSON.stringify(Object.fromEntries(entries)));

  return class {
    constructor(model) {
      this.key = (id) => `${model}:${id}`;
    }

    async upsert(id, payload) {
      entries.set(this.key(id), payload);
      save();
    }

    async find(id) {
      return entries.get(this.key(id));
    }

    async consume(id) {
      entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
      save();
    }

    async destroy(id) {
      entries.delete(this.key(id));
      save();
    }

    async revokeByGrantId(grantId) {
      for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key);
      save();
    }
  };
}
