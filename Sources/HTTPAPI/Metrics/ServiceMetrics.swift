import HTTPTypes
import Serving
import Synchronization

/// The instruments that requests are counted with.
struct ServiceMetrics: Sendable {
    /// text-embeddings-inference's instruments for texts of one kind.
    private struct Texts: Sendable {
        let count, success: CounterCell
        let durations: Durations

        init(_ registry: MetricsRegistry, prefix: String) {
            count = registry.counter(prefix + "_count")
            success = registry.counter(prefix + "_success")
            durations = Durations(registry, prefix: prefix)
        }
    }

    private struct Durations: Sendable {
        let total, tokenization, queue, inference: HistogramCell

        init(_ registry: MetricsRegistry, prefix: String) {
            total = registry.histogram(prefix + "_duration")
            tokenization = registry.histogram(prefix + "_tokenization_duration")
            queue = registry.histogram(prefix + "_queue_duration")
            inference = registry.histogram(prefix + "_inference_duration")
        }

        func record(_ timings: EncodingResult.Timings, total: Duration, times: Int) {
            self.total.record(total / .seconds(1), times: times)
            tokenization.record(timings.tokenization / .seconds(1), times: times)
            queue.record(timings.queue / .seconds(1), times: times)
            inference.record(timings.inference / .seconds(1), times: times)
        }
    }

    private struct RouteName: Hashable {
        let method: HTTPRequest.Method
        let pattern: PathPattern

        init(_ route: Route) {
            method = route.method
            pattern = route.pattern
        }
    }

    /// The series of one route, made as statuses come up.
    private final class RouteSeries: Sendable {
        private let registry: MetricsRegistry
        private let labels: [(String, String)]
        private let cells = Mutex<(duration: HistogramCell?, statuses: [Int: CounterCell])>(
            (nil, [:]))

        init(_ registry: MetricsRegistry, method: String, route: String) {
            self.registry = registry
            labels = [("method", method), ("route", route)]
        }

        func count(status: Int, after time: Duration?) {
            let (counter, duration) = cells.withLock { cells in
                if cells.statuses[status] == nil {
                    cells.statuses[status] = registry.counter(
                        "bigs_http_requests_total", labels + [("status", String(status))])
                }
                if cells.duration == nil, time != nil {
                    cells.duration = registry.histogram(
                        "bigs_http_request_duration_seconds", labels)
                }
                return (cells.statuses[status], cells.duration)
            }
            counter?.increment(by: 1)
            if let time { duration?.record(time / .seconds(1)) }
        }
    }

    let registry: MetricsRegistry
    private let routes: [RouteName: RouteSeries]
    private let noRoute: RouteSeries
    private let inFlight: GaugeCell
    private let requests: Durations
    private let requestCounts: [RequestRecord.Method: CounterCell]
    private let requestSuccesses: [RequestRecord.Method: CounterCell]
    private let embedding, scoring: Texts
    private let inputLength: HistogramCell
    private let tokenization, queue, inference: HistogramCell
    private let cacheHits, cacheMisses, tokens, truncated: CounterCell

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        routes = Dictionary(
            Route.all.map { route in
                let series = RouteSeries(
                    registry, method: route.method.rawValue, route: route.pattern.description)
                return (RouteName(route), series)
            }, uniquingKeysWith: { first, _ in first })
        noRoute = RouteSeries(registry, method: "other", route: "none")
        inFlight = registry.gauge("bigs_http_requests_in_flight")
        requests = Durations(registry, prefix: "te_request")
        let methods = [RequestRecord.Method.single, .batch]
        func byMethod(_ name: String) -> [RequestRecord.Method: CounterCell] {
            Dictionary(
                uniqueKeysWithValues: methods.map {
                    ($0, registry.counter(name, [("method", $0.rawValue)]))
                })
        }
        requestCounts = byMethod("te_request_count")
        requestSuccesses = byMethod("te_request_success")
        embedding = Texts(registry, prefix: "te_embed")
        scoring = Texts(registry, prefix: "te_predict")
        inputLength = registry.histogram("te_request_input_length")
        func stage(_ name: String) -> HistogramCell {
            registry.histogram("bigs_stage_duration_seconds", [("stage", name)])
        }
        tokenization = stage("tokenization")
        queue = stage("queue")
        inference = stage("inference")
        cacheHits = registry.counter("bigs_cache_hits_total")
        cacheMisses = registry.counter("bigs_cache_misses_total")
        tokens = registry.counter("bigs_tokens_total")
        truncated = registry.counter("bigs_truncated_inputs_total")
        registry.gauge("process_start_time_seconds").set(ProcessStatistics.startTime)
    }

    /// A request came in.
    func began() { inFlight.increment(by: 1) }

    /// A request was refused before it was one.
    func refused(status: Int) { noRoute.count(status: status, after: nil) }

    /// The last byte of an answer was written.
    func ended(_ exchange: Exchange, after duration: Duration) {
        inFlight.decrement(by: 1)
        let series = exchange.route.flatMap { routes[RouteName($0)] } ?? noRoute
        series.count(status: exchange.status, after: duration)
        let work = exchange.context.record.work ?? exchange.route?.work ?? .none
        if work != .none { countTexts(exchange, work, duration) }
        if exchange.refusal == nil, let result = exchange.context.record.values.result {
            encoded(result, by: exchange.context.record.values.model)
        }
    }

    /// Texts were encoded or found by a model: for a request that ended, or one that goes on.
    func encoded(_ result: RequestRecord.Encoded, by model: String?) {
        tokenization.record(result.timings.tokenization / .seconds(1))
        queue.record(result.timings.queue / .seconds(1))
        inference.record(result.timings.inference / .seconds(1))
        let used = Int64(result.usage.reduce(0) { $0 + $1.tokensUsed })
        tokens.increment(by: used)
        if let model {
            registry.counter("bigs_model_tokens_total", [("model", model)]).increment(by: used)
        }
        truncated.increment(by: Int64(result.usage.count(where: \.isTruncated)))
        cacheHits.increment(by: Int64(result.hits))
        cacheMisses.increment(by: Int64(result.misses))
    }

    private func countTexts(_ exchange: Exchange, _ work: Route.Work, _ duration: Duration) {
        let values = exchange.context.record.values
        let texts = work == .embedding ? embedding : scoring
        if let method = values.method {
            requestCounts[method]?.increment(by: 1)
            texts.count.increment(by: Int64(values.inputs))
        }
        if let refusal = exchange.refusal {
            registry.counter("te_request_failure", [("err", refusal.reason)]).increment(by: 1)
        }
        guard let result = values.result, exchange.refusal == nil else { return }
        if let method = values.method { requestSuccesses[method]?.increment(by: 1) }
        // Not all that was read: a query beside the texts is none of them.
        texts.success.increment(by: Int64(values.inputs))
        requests.record(result.timings, total: duration, times: 1)
        texts.durations.record(result.timings, total: duration, times: values.inputs)
        for usage in result.usage { inputLength.record(Double(usage.tokensUsed)) }
    }
}
