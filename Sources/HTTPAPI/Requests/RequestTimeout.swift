import HTTPServer
import HTTPTypes
import Serving

/// How long a request may take: `x-request-timeout`, in seconds with decimals, else the server's
/// `--request-timeout`. Past it the model's work for the request is dropped and the answer is 504.
///
/// The time runs from the end of the request's head. It bounds the model's work, which is what takes
/// long; the answer to a request that is met in a pass comes at the end of its step. What a route
/// streams after its answer has begun is not bounded.
package enum RequestTimeout {
    /// The longest that a client may ask for: a day.
    package static let maximumSeconds = 86_400

    /// The time that `request` has; nil is no bound. A client may ask for more than the server's
    /// own, which is for those that do not ask.
    static func of(
        _ request: ServerRequest, otherwise standard: Duration?
    ) throws(APIError) -> Duration? {
        guard let text = request.head.headerFields[.requestTimeout] else { return standard }
        guard let seconds = seconds(text) else {
            throw .validation(
                field: "x-request-timeout",
                "expected seconds, more than 0 and at most \(maximumSeconds), got \"\(text.prefix(100))\""
            )
        }
        return seconds
    }

    /// Digits, with a point or an exponent as JSON's numbers may have; what `Double` takes beyond that
    /// (`inf`, `0x1p3`) is no time.
    private static func seconds(_ text: String) -> Duration? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || ".eE+-".utf8.contains($0) }),
            let seconds = Double(text), seconds > 0, seconds <= Double(maximumSeconds)
        else { return nil }
        return .seconds(seconds)
    }
}
