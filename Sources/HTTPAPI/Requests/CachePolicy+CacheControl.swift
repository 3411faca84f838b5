import Foundation
import Serving

/// HTTP's `Cache-Control` of a request (RFC 9111 section 5.2.1).
extension CachePolicy {
    /// The policy that a `Cache-Control` field asks for. Directives that are unknown, or that say
    /// nothing about a request's own cache, are ignored, as the standard wants it.
    init(cacheControl field: String?) {
        self.init()
        for directive in (field ?? "").split(separator: ",") {
            let parts = directive.split(separator: "=", maxSplits: 1)
            let name = parts.first.map(Self.trimmed)?.lowercased()
            switch name {
            case "no-cache": mayRead = false
            case "no-store": mayKeep = false
            case "only-if-cached": isReadOnly = true
            case "max-age":
                let value = parts.count == 2 ? Self.trimmed(parts[1]) : ""
                if let seconds = Int(value), seconds >= 0 {
                    maximumAge = min(maximumAge ?? seconds, seconds)
                }
            default: break
            }
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        text.trimmingCharacters(in: CharacterSet(charactersIn: " \t"))
    }
}
