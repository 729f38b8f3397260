import { spawn } from 'node:child_process';
import { request } from 'node:https';

import type { TerraformClient } from '@oci-package-proxy/testing';

/** How a sign-in ended. */
export interface LoginRun {
  readonly code: number;
  readonly output: string;
  /** What the page showed that asks for the password. */
  readonly page: string;
  /** Status of the answer to the form, and of the program's own page. */
  readonly statuses: readonly number[];
}

/** Runs `login <host>`, plays the person at the browser, and waits for its end. @param ca PEM of the server's authority. */
export async function login(client: TerraformClient, host: string, { ca, password }: { readonly ca: string; readonly password: string }): Promise<LoginRun> {
  const { TF_INPUT: _automated, ...environment } = client.environment;
  // A browser that does nothing: the URL is printed all the same.
  const child = spawn(client.binary, ['login', host], { cwd: client.directory, stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', ...environment, BROWSER: 'true' } });
  let output = '';
  const ended = new Promise<number>((resolve, reject) => child.once('error', reject).once('close', (code) => resolve(code ?? 137)));
  const url = new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /https:\/\/\S+\/login\/authorize\?\S+/.exec(output.replaceAll(/\u001b\[[0-9;]*m/g, ''));
      if (found !== null && output.endsWith('\n')) {
        resolve(found[0]);
      }
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    void ended.then((code) => reject(new Error(`login ended with ${code}\n${output}`)));
  });
  child.stdin.write('yes\n');
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const at = await url;
  const page = await ask(at, { ca });
  const fields = new URLSearchParams([...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(([, name = '', value = '']): [string, string] => [name, unescaped(value)]));
  fields.set('user', 'anybody');
  fields.set('password', password);
  const answer = await ask(at, { ca, form: fields.toString() });
  const done = answer.location === undefined ? null : await fetch(answer.location);
  if (done === null) {
    child.kill('SIGKILL');
  }
  const code = await ended;
  clearTimeout(timer);
  return { code, output, page: page.body, statuses: [answer.status, ...(done === null ? [] : [done.status])] };
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

async function ask(url: string, { ca, form }: { readonly ca: string; readonly form?: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(Buffer.byteLength(form)) };
    const sent = request(url, { ca, method: form === undefined ? 'GET' : 'POST', headers }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, body }));
    });
    sent.once('error', reject);
    sent.end(form);
  });
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}
