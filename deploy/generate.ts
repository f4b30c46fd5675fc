// npm run generate: writes the files under deploy/ that come from other sources. A test holds the result equal.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chartArtifacts, installArtifact, type Artifact } from './artifacts.ts';

function write(artifact: Artifact): void {
  mkdirSync(path.dirname(artifact.path), { recursive: true });
  writeFileSync(artifact.path, artifact.text);
  console.log(path.relative(process.cwd(), artifact.path));
}

// The chart first: install.yaml is rendered from what is on disk then.
chartArtifacts().forEach(write);
write(installArtifact());
