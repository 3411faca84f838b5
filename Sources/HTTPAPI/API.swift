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
    let logger: Logger
    private let router: Router

    /// Answers with the service that `readiness` has.
    package init(readiness: Readiness, settings: APISettings, logger: Logger) {
        self.readiness = readiness
        self.settings = settings
        self.logger = logger
        router = Router(Route.all)
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
        let start = ContinuousClock.now
        var response: ServerResponse
        do throws(APIError) {
            response = try await dispatch(request)
        } catch {
            response = refusal(error, request, context)
        }
        response.headers[.requestID] = context.requestID
        if let trace = context.trace { response.headers[.traceParent] = trace.header }
        let elapsed = ContinuousClock.now - start
        response.headers[.totalTime] = String(elapsed.microseconds)
        logger.debug(
            "request",
            metadata: [
                "method": "\(request.head.method)", "path": "\(request.path)",
                "status": "\(response.status.code)", "microseconds": "\(elapsed.microseconds)",
                "request_id": "\(context.requestID)",
            ])
        return response
    }

    private func dispatch(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        switch router.match(request) {
        case .nothing:
            throw .notFound("there is no route \(request.path.prefix(200))")
        case .otherMethods(let allowed): throw .method(allowed: allowed)
        case .route(let route, let parameters):
            try checkContentType(of: request, for: route)
            var request = request
            request.parameters = parameters
            return try await route.handler(self)(request)
        }
    }

    private func checkContentType(
        of request: ServerRequest, for route: Route
    ) throws(APIError) {
        guard route.input != .nothing else { return }
        let given = request.head.headerFields[.contentType]
        let media = given?.prefix { $0 != ";" }.lowercased().trimmingCharacters(in: .whitespaces)
        guard media == route.input.rawValue else {
            throw .contentType(given, expected: route.input.rawValue)
        }
    }

    private func refusal(
        _ error: APIError, _ request: ServerRequest, _ context: RequestContext
    ) -> ServerResponse {
        let refused = Refused(error)
        if refused.status == .internalServerError {
            var detail = refused.message
            if case .internal(let cause) = error { detail = "\(cause)" }
            logger.error(
                "\(request.path) failed: \(detail)",
                metadata: ["request_id": "\(context.requestID)"])
        }
        return refused.response(
            requestID: context.requestID, openAI: request.path.hasPrefix("/v1/"))
    }

    /// The body, read whole and decoded.
    func decode<Body: Decodable>(
        _ type: Body.Type, _ request: ServerRequest
    ) async throws(APIError) -> Body {
        let bytes: [UInt8]
        do {
            bytes = try await request.body.collect(upTo: settings.maximumBodyBytes)
        } catch let error as RequestBodyError {
            switch error {
            case .tooLarge: throw .payloadTooLarge(limit: settings.maximumBodyBytes)
            case .timeout: throw .timeout
            case .disconnected, .malformed: throw .malformed("the body ended early")
            }
        } catch {
            throw .malformed("the body ended early")
        }
        return try RequestBodyDecoder.decode(type, from: bytes)
    }
}
