// One gRPC call, by the client that Node.js programs use:  node grpc-client.mjs ADDRESS SERVICE/METHOD [TOKEN]
//
// It prints one line:  CALLED {"code":16,"message":"...","metadata":{"www-authenticate":["..."]},"replies":[]}
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

const [address, path, token] = process.argv.slice(2);
const proto = fileURLToPath(new URL('../examples/tonic/orders.proto', import.meta.url));
const [service, method] = path.split('/');
const Client = service.split('.').reduce((inside, name) => inside[name], grpc.loadPackageDefinition(loadSync(proto)));

const metadata = new grpc.Metadata();
if (token) metadata.set('authorization', `Bearer ${token}`);
const client = new Client(address, grpc.credentials.createInsecure());
const replies = [];

// grpc-js calls a status what others call trailers: it comes once, whatever happens.
function finished({ code, details, metadata }) {
  const fields = Object.fromEntries(Object.keys(metadata.getMap()).map((name) => [name, metadata.get(name).map(String)]));
  console.log(`CALLED ${JSON.stringify({ code, message: details, metadata: fields, replies })}`);
  client.close();
}

let call;
if (Client.service[method].responseStream) {
  call = client[method]({}, metadata);
  call.on('data', (reply) => replies.push(reply));
  call.on('error', () => {}); // said by the status as well
} else {
  call = client[method]({}, metadata, (error, reply) => reply && replies.push(reply));
}
// After the reply, which comes in the same turn.
call.on('status', (status) => setImmediate(finished, status));
