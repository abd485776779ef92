// A real OpenID provider for the test, on loopback only:  node provider.mjs [--port N]
//
// Once it answers, it prints one line:  READY {"issuer":"http://127.0.0.1:...","admin":"http://127.0.0.1:..."}
// It ends when its standard input does, so that it cannot outlive the test that started it.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Provider } from 'oidc-provider';

const { values: options } = parseArgs({ options: { port: { type: 'string', default: '0' } } });

// The provider announces its development defaults with console.info; standard output is for READY alone.
console.info = console.error;

// ---- What it issues

// The `resource` parameter (RFC 8707) says which token is wanted: its origin becomes the audience, its path names
// the algorithm and, if need be, the lifetime in seconds: https://api.test/ES256, https://api.test/RS256/2.
function resourceServer(resource) {
  const { origin, pathname } = new URL(resource);
  const [, alg, lifetime = '3600'] = pathname.split('/');
  return {
    audience: origin,
    scope: 'api:read api:write',
    accessTokenFormat: 'jwt', // as RFC 9068 wants it, `typ: at+jwt` included
    accessTokenTTL: Number(lifetime),
    jwt: { sign: { alg } },
  };
}

// Without `alg`, so that one RSA key signs RS* and PS*, and one Ed25519 key both `EdDSA` and `Ed25519`. The
// provider takes the thumbprint for the missing `kid`: no two generations share one.
function newKeys() {
  const curves = ['P-256', 'P-384', 'P-521'].map((namedCurve) => ['ec', { namedCurve }]);
  return [['rsa', { modulusLength: 2048 }], ...curves, ['ed25519']].map(([type, parameters]) => ({
    ...generateKeyPairSync(type, parameters).privateKey.export({ format: 'jwk' }),
    use: 'sig',
  }));
}

const client = {
  client_id: 'svc',
  client_secret: 'a-secret-that-only-this-test-knows',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
};

// Keys cannot be changed while a provider runs, so a rotation builds another one at the same address. There is
// nothing to carry over: JWT access tokens are not stored, and the client is the same.
function newProvider() {
  const provider = new Provider(issuer, {
    clients: [client],
    jwks: { keys: newKeys() },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_, resource) => resourceServer(resource) },
    },
    extraTokenClaims: () => ({ roles: ['service'] }),
  });
  provider.on('server_error', (_, error) => console.error(error));
  return provider.callback();
}

// ---- Where it listens

const path = (request) => request.url.split('?')[0];

async function listen(port, handler) {
  const server = createServer(handler);
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${server.address().port}`;
}

const hits = {};
let answer; // set below: a provider has to know its address, which is not known before it listens
const issuer = await listen(Number(options.port), (request, response) => {
  hits[path(request)] = (hits[path(request)] ?? 0) + 1;
  answer(request, response);
});
answer = newProvider();

const admin = await listen(0, (request, response) => {
  switch (`${request.method} ${path(request)}`) {
    case 'GET /hits': // how often each path of the issuer was asked for
      response.end(JSON.stringify(hits));
      break;
    case 'POST /rotate': // every key is replaced at once, unannounced: the worst that an operator can do
      answer = newProvider();
      response.end('{}');
      break;
    default:
      response.writeHead(404).end();
  }
});

process.stdin.on('end', () => process.exit()).resume();
console.log(`READY ${JSON.stringify({ issuer, admin })}`);
