/// What a caller lets the cache do for its request: HTTP's `Cache-Control` (RFC 9111 section 5.2.1).
package struct CachePolicy: Sendable, Equatable {
    /// Whether a kept answer will do; `no-cache` encodes again.
    package var mayRead = true
    /// Whether the answer may be kept; `no-store` leaves nothing behind.
    package var mayKeep = true
    /// Whether nothing is to be encoded; `only-if-cached` fails with `ServiceError.notCached` instead.
    package var isReadOnly = false
    /// The oldest kept answer that will do, in seconds; nil is any.
    package var maximumAge: Int?

    /// Reads and keeps.
    package init() {}

    /// The policy that a `Cache-Control` field asks for. Directives that are unknown, or that say
    /// nothing about a request's own cache, are ignored, as the standard wants it.
    package init(cacheControl field: String?) {
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
        var text = text[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
