import BiGSModel
import Foundation
package import HTTPServer
import HTTPTypes
package import Logging
import Serving

/// The routes: requests in, answers out. Network trust ends here.
///
/// The routes themselves are in `Routes.swift`; this file is what happens around each of them.
package struct API: Sendable {
    let readiness: Readiness
    let settings: APISettings
    let keys: APIKeys
    let logger: Logger
    let metrics: ServiceMetrics
    let storeReader = StoreReader()
    let bodies: SharedBudget
    /// Bytes of large answers that are being sent.
    let answers: SharedBudget
    /// Bytes of tokens and of their states that are being made or sent.
    let states: SharedBudget
    /// Exports that are being read.
    let exports = SharedBudget(limit: API.maximumExports)
    private let router: Router

    /// Answers with the service that `readiness` has.
    /// - Parameters:
    ///   - keys: who may ask; without keys, anybody.
    ///   - metrics: where the requests are counted, and what `/metrics` shows.
    package init(
        readiness: Readiness, settings: APISettings, keys: APIKeys = .none,
        metrics: MetricsRegistry = MetricsRegistry(), logger: Logger
    ) {
        self.readiness = readiness
        self.settings = settings
        self.keys = keys
        self.metrics = ServiceMetrics(metrics)
        self.logger = logger
        router = Router(Route.all)
        bodies = SharedBudget(limit: settings.maximumBodiesBytes)
        answers = SharedBudget(limit: settings.maximumBodiesBytes)
        states = SharedBudget(limit: settings.maximumBodiesBytes)
    }

    /// The answer to any request; never throws, every refusal is JSON.
    package func answer(_ request: ServerRequest) async -> ServerResponse {
        let context = RequestContext(request)
        return await RequestContext.$current.withValue(context) {
            await answer(request, context)
        }
    }

    private func answer(
        _ request: ServerRequest, _ context: RequestContext
    ) async -> ServerResponse {
        var exchange = Exchange(request, context)
        metrics.began()
        let match = router.match(request)
        if case .route(let route, _) = match { exchange.route = route }
        var response: ServerResponse
        var hasClientLeft = false
        do throws(APIError) {
            response = try await dispatch(request, match)
            try hold(response, context.record)
        } catch {
            var refused = Refused(error)
            refused.message += placeOfHead(error)
            let isStopping = Task.isCancelled && readiness.isDraining
            if isStopping, error.isCutOff || refused.status == .serviceUnavailable {
                refused = Refused(.stopping)
            }
            exchange.refusal = refused
            exchange.cause = Self.cause(of: error)
            // What is not ended by the server's own end is cancelled because its client left.
            hasClientLeft = !isStopping && (error.isCutOff || Task.isCancelled)
            response = refused.response(
                requestID: context.requestID, openAI: Self.speaksOpenAI(request.path))
        }
        exchange.status = hasClientLeft ? Exchange.clientLeft : response.status.code
        response.held = context.record
        settings.crossOrigin.allow(&response, for: request.head.headerFields[.origin])
        response.headers[.requestID] = context.requestID
        if let trace = context.trace { response.headers[.traceParent] = trace.header }
        response.headers[.totalTime] = String((ContinuousClock.now - exchange.start).microseconds)
        return finish(exchange, response)
    }

    /// Counts a large answer until it has been sent: clients that read slowly, or not at all, must not
    /// hold more together than there is memory for. One that is larger than that has it to itself.
    private func hold(_ response: ServerResponse, _ record: RequestRecord) throws(APIError) {
        guard case .bytes(let bytes) = response.body, bytes.count >= Self.largeAnswer else {
            return
        }
        let share = SharedBudget.Share(of: answers)
        guard share.take(min(bytes.count, answers.limit)) else {
            throw .answersFull(answers.limit)
        }
        record.hold(share)
    }

    private static let largeAnswer = 1 << 20

    /// Waits for room for the states of the texts' tokens and keeps it until the answer is out: of many
    /// requests that take turns at the model, all are held at once. What is larger than all the room has it
    /// to itself. Throws when the client leaves or the time is up.
    func holdStates(
        of inputs: [EncodingInput], _ service: EncodingService, _ rules: EncodingRules
    ) async throws(APIError) {
        let model = service.loaded
        let most = rules.windows == nil ? model.window : Int.max
        let tokens = inputs.reduce(0) { total, input in
            switch input {
            // No token is shorter than a byte.
            case .text(let text): total + min(text.utf8.count + 2, most)
            case .pair(let first, let second):
                total + min(first.utf8.count + second.utf8.count + 3, most)
            case .tokens(let ids): total + min(ids.count, most)
            }
        }
        try await hold(
            tokens * model.configuration.hiddenSize * MemoryLayout<Float>.size)
    }

    /// Waits for room for so many bytes that are made of a request, and keeps it until the answer is out,
    /// or what is not given back before.
    @discardableResult
    func hold(_ bytes: Int) async throws(APIError) -> SharedBudget.Share {
        let share = SharedBudget.Share(of: states)
        guard await share.wait(for: min(bytes, states.limit)) else { throw .service(.cancelled) }
        RequestContext.current?.record.hold(share)
        return share
    }

    private func dispatch(
        _ request: ServerRequest, _ match: Router.Match
    ) async throws(APIError) -> ServerResponse {
        if CrossOrigin.isPreflight(request) {
            let methods = router.methods(of: request)
            if !methods.isEmpty,
                let answer = settings.crossOrigin.preflight(request, methods: methods)
            {
                return answer
            }
        }
        // Without a key nobody learns which routes there are.
        var isOpen = false
        if case .route(let route, _) = match { isOpen = route.access == .open }
        if !isOpen { try checkKey(of: request) }
        switch match {
        case .nothing: throw .notFound("there is no route \(request.path.prefix(200))")
        case .otherMethods(let allowed): throw .method(allowed: allowed)
        case .route(let route, let parameters):
            try checkContentType(of: request, for: route)
            if let names = route.queryNames { try request.checkQuery(takes: names) }
            var routed = request
            routed.parameters = parameters
            // What is open to all asks neither the model nor the store.
            let timeout =
                isOpen
                ? nil : try RequestTimeout.of(routed, otherwise: settings.requestTimeout)
            return try await RequestDeadline.within(timeout) {
                [routed] () async throws(APIError) in
                do throws(APIError) {
                    return try await route.handler(self)(routed)
                } catch {
                    // Whatever was met first, a body half read or a store that waited, it was met
                    // because the time is up.
                    let isCutOff = RequestDeadline.hasPassed && Task.isCancelled
                    throw isCutOff ? .service(.deadlinePassed) : error
                }
            }
        }
    }

    private func checkKey(of request: ServerRequest) throws(APIError) {
        guard keys.isRequired else { return }
        let given = request.head.headerFields[.authorization]
        guard keys.accepts(authorization: given) else {
            throw .unauthorized(given: given != nil)
        }
    }

    private func checkContentType(
        of request: ServerRequest, for route: Route
    ) throws(APIError) {
        guard route.input != .nothing else { return }
        let codings = request.head.headerFields[.contentEncoding] ?? ""
        for coding in codings.split(whereSeparator: { ", \t".contains($0) })
        where coding.lowercased() != "identity" {
            throw .contentEncoding(String(coding))
        }
        let given = request.head.headerFields[.contentType]
        if given == route.input.rawValue { return }
        let media = given?.prefix { $0 != ";" }.lowercased().trimmingCharacters(in: .whitespaces)
        guard media == route.input.rawValue else {
            throw .contentType(given, expected: route.input.rawValue)
        }
    }

    /// Where there is a head that the model lacks: what to choose, or to start the server with. Empty for
    /// other errors.
    private func placeOfHead(_ error: APIError) -> String {
        let needed: Head
        switch error {
        case .service(.headMissing(let head, _), _),
            .document(.encoding(.headMissing(let head, _))):
            needed = head
        default: return ""
        }
        let names = ((try? readiness.registry())?.services ?? []).map(\.loaded)
            .filter { $0.heads.contains(needed) }.map { "\"\($0.name)\"" }
        if !names.isEmpty {
            return "; \"model\" chooses one that has it: \(names.joined(separator: ", "))"
        }
        let example = needed == .sequenceClassification ? ", such as bigs-mini-section" : ""
        return "; --model serves one that has it\(example)"
    }

    /// What is behind an internal error: for the log, never for the caller.
    private static func cause(of error: APIError) -> String? {
        switch error {
        case .internal(let cause): "\(cause)"
        case .document(let error), .listedDocument(let error, _, _): error.causeOfInternal
        default: nil
        }
    }

    /// Counts and logs the exchange: now, or when the last byte of a streamed answer is written.
    private func finish(_ exchange: Exchange, _ response: ServerResponse) -> ServerResponse {
        guard case .stream(let write) = response.body, !exchange.isHead else {
            ended(exchange)
            return response
        }
        var response = response
        response.body = .stream { writer in
            var exchange = exchange
            defer { ended(exchange) }
            let sending = Sending(writer)
            try await RequestContext.$current.withValue(exchange.context) {
                do { try await write(sending.writer) } catch {
                    note(error, in: &exchange, hasBegun: sending.hasBegun)
                    throw error
                }
            }
        }
        return response
    }

    /// Notes why a streamed answer broke off: that its client left, or what was sent in its place if
    /// nothing of it was.
    private func note(_ error: any Error, in exchange: inout Exchange, hasBegun: Bool) {
        let bodyError = error as? RequestBodyError
        if bodyError == .disconnected, readiness.isDraining {
            let refused = Refused(.stopping)
            exchange.refusal = refused
            exchange.status = refused.status.code
            return
        }
        if error is BodyWriterError || bodyError == .disconnected || Task.isCancelled {
            exchange.status = Exchange.clientLeft
            return
        }
        if hasBegun || bodyError == nil {
            exchange.cause = "the streamed answer broke off: \(error)"
        }
        if hasBegun { return }
        let refused = Refused(bodyError.map(refusal) ?? .internal(error))
        exchange.refusal = refused
        exchange.status = refused.status.code
    }

    private func ended(_ exchange: Exchange) {
        let duration = ContinuousClock.now - exchange.start
        metrics.ended(exchange, after: duration)
        exchange.log(to: logger, after: duration)
    }

    /// The answer to a request that breaks the protocol, in the shape its route speaks.
    package func answer(to refusal: Refusal) -> ServerResponse {
        // The request that it was in the place of an answer to is counted.
        if !refusal.replacesAnswer { metrics.refused(status: refusal.status.code) }
        logger.debug(
            "refused: \(refusal.message)",
            metadata: [
                "request_id": "\(refusal.requestID)",
                "status": .stringConvertible(refusal.status.code),
            ])
        var refused = Refused(refusal.status, refusal.errorType, refusal.message)
        if refusal.status == .serviceUnavailable { refused.retryAfter = 1 }
        var response = refused.response(
            requestID: refusal.requestID, openAI: refusal.path.map(Self.speaksOpenAI) ?? false)
        settings.crossOrigin.allow(&response, for: refusal.origin)
        response.headers[.requestID] = refusal.requestID
        return response
    }

    /// Whether errors have OpenAI's shape there: only its clients, and Infinity's that are like them, ask
    /// these paths.
    static func speaksOpenAI(_ path: String) -> Bool {
        path.hasPrefix("/v1/") || path == "/embeddings" || path == "/models"
    }

    /// The body, read whole and decoded.
    func decode<Body: Decodable & Sendable>(
        _ type: Body.Type, _ request: ServerRequest
    ) async throws(APIError) -> Body {
        let bytes = try await collect(request)
        return try await LongWork.run(bytes: bytes.count, cancelled: .service(.cancelled)) {
            (isLeft) throws(APIError) in
            try RequestBodyDecoder.decode(Body.self, from: bytes, within: bodies, isLeft: isLeft)
        }
    }

    /// The body, read whole.
    func collect(_ request: ServerRequest) async throws(APIError) -> [UInt8] {
        let share = SharedBudget.Share(of: bodies)
        // What is made of a body goes with it, so its part is held until the answer is out.
        RequestContext.current?.record.hold(share)
        do {
            return try await request.body.collect(upTo: settings.maximumBodyBytes) { count in
                guard share.take(count) else { throw APIError.bodiesFull(bodies.limit) }
            }
        } catch let error as APIError {
            throw error
        } catch let error as RequestBodyError {
            throw refusal(error)
        } catch {
            throw .cutOff
        }
    }

    /// What a request is refused for whose body could not be read.
    private func refusal(_ error: RequestBodyError) -> APIError {
        switch error {
        case .tooLarge: .payloadTooLarge(limit: settings.maximumBodyBytes)
        case .timeout: .timeout
        case .malformed: .malformed("the body ended early")
        case .disconnected: .cutOff
        }
    }
}
