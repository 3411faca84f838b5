import Foundation

/// Why the system refused something, in its own words.
package enum SystemReason {
    /// The system's message behind an error of Foundation's, whose own text may have none: "No space left
    /// on device", say. Other errors' own descriptions.
    package static func text(of error: any Error) -> String {
        let known = error as NSError
        // Foundation on Linux puts errors of Swift there as well as its own.
        let cause =
            (known.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError } ?? known
        guard cause.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
        return text(of: Int32(cause.code))
    }

    /// The message of an error number.
    package static func text(of number: Int32) -> String { String(cString: strerror(number)) }
}
