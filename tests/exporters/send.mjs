// Sends spans, log records and metrics through the official exporters of OpenTelemetry JS.
//   node send.mjs PROTOCOL SIGNAL ENDPOINT COUNT COMPRESSION [late]
// PROTOCOL is grpc, proto or json; each record is named PROTOCOL-N; what the SDK logs goes to stderr.
// With `late` spans start in the year 2264, which the collector refuses.
import { diag, DiagConsoleLogger, DiagLogLevel } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

const [protocol, signal, url, count, compression, late] = process.argv.slice(2);
console.log = console.info = console.debug = console.error;
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.ALL);

const names = { traces: ['trace', 'OTLPTraceExporter'], logs: ['logs', 'OTLPLogExporter'], metrics: ['metrics', 'OTLPMetricExporter'] };
const flavour = { grpc: 'grpc', proto: 'proto', json: 'http' }[protocol];
const [family, exporterClass] = names[signal];
const module = await import(`@opentelemetry/exporter-${family}-otlp-${flavour}`);
const Exporter = module[exporterClass] ?? module.default[exporterClass];
const exporter = new Exporter({ url, compression, timeoutMillis: 20000 });
const resource = resourceFromAttributes({ 'service.name': `js-${protocol}-${compression}` });

if (signal === 'traces') {
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  const startTime = late ? [9_300_000_000, 0] : undefined;
  const tracer = provider.getTracer('exporter-tests', '1.0.0');
  for (let n = 0; n < count; n++) {
    const span = tracer.startSpan(`${protocol}-${n}`, { startTime, attributes: { 'gen_ai.tool.name': 'refund', n, large: 2 ** 53 - 1, share: 0.5 } });
    span.addEvent('called', { n });
    span.end();
  }
  await provider.forceFlush().catch(error => console.error('flush failed', error));
  await provider.shutdown().catch(error => console.error('shutdown failed', error));
} else if (signal === 'logs') {
  const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger('exporter-tests', '1.0.0');
  for (let n = 0; n < count; n++) logger.emit({ body: `${protocol}-${n}`, eventName: 'decided', severityNumber: 9, attributes: { n } });
  await provider.forceFlush().catch(error => console.error('flush failed', error));
  await provider.shutdown().catch(error => console.error('shutdown failed', error));
} else {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60000, exportTimeoutMillis: 30000 });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter('exporter-tests', '1.0.0');
  const counter = meter.createCounter(`${protocol}.decisions`);
  const histogram = meter.createHistogram(`${protocol}.seconds`);
  for (let n = 0; n < count; n++) { counter.add(1, { n }); histogram.record(0.5); }
  await provider.forceFlush().catch(error => console.error('flush failed', error));
  await provider.shutdown().catch(error => console.error('shutdown failed', error));
}
