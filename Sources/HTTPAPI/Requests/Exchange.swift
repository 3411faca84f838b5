import HTTPServer
import HTTPTypes
import Logging
import Serving

/// A request and what became of it: what the metrics and the access log are made from.
struct Exchange: Sendable {
    let context: RequestContext
    let method: HTTPRequest.Method
    /// The path as sent, still escaped: it cannot break a line of the log.
    let path: Substring
    let start = ContinuousClock.now
    /// The route, if there is one.
    var route: Route?
    var status = 0
    var refusal: Refused?
    /// What is behind an internal error or a broken stream.
    var cause: String?

    init(_ request: ServerRequest, _ context: RequestContext) {
        self.context = context
        method = request.head.method
        path = (request.head.path ?? "/").prefix { $0 != "?" }.prefix(200)
    }

    /// The status of an answer whose client left before its end: nginx's, which is sent to nobody.
    static let clientLeft = 499

    /// Whether it is one of our fields' names, as far as one can tell: a client may call a field anything.
    private static func isName(_ field: String) -> Bool {
        field.utf8.count <= 60
            && field.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "["), UInt8(ascii: "]"):
                    true
                default: false
                }
            }
    }

    var isHead: Bool { method == .head }

    /// The access log: one line a request, without anything of its body, its query or its key but the names
    /// of the model and of a field that is refused.
    func log(to logger: Logger, after duration: Duration) {
        let values = context.record.values
        let cause = cause ?? values.failure
        let level: Logger.Level =
            if status == 500 || cause != nil {
                .error
            } else if route?.access == .open || route == nil { .debug } else { .info }
        guard level >= logger.logLevel else { return }
        var metadata: Logger.Metadata = [
            "request_id": "\(context.requestID)",
            "method": "\(method.rawValue.prefix(20))", "path": "\(path)",
            "status": .stringConvertible(status),
            "duration_us": .stringConvertible(Int(duration.microseconds)),
        ]
        if let trace = context.trace { metadata["trace_id"] = "\(trace.traceID)" }
        if values.inputs > 0 { metadata["inputs"] = .stringConvertible(values.inputs) }
        if let result = values.result {
            metadata["tokens"] = .stringConvertible(result.usage.reduce(0) { $0 + $1.tokensUsed })
            metadata["truncated"] = .stringConvertible(result.usage.count(where: \.isTruncated))
            metadata["cache"] = "\(result.cache.rawValue)"
            metadata["queue_us"] = .stringConvertible(Int(result.timings.queue.microseconds))
            metadata["inference_us"] = .stringConvertible(
                Int(result.timings.inference.microseconds))
        }
        if let model = values.model { metadata["model"] = "\(model)" }
        if let refusal {
            metadata["error_type"] = "\(refusal.type)"
            if let field = refusal.field, Self.isName(field) { metadata["field"] = "\(field)" }
        }
        if let cause { metadata["error"] = "\(cause)" }
        logger.log(level: level, "request", metadata: metadata)
    }
}
