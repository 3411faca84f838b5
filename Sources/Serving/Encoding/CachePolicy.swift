/// What a caller lets the cache do for its request.
package struct CachePolicy: Sendable, Equatable {
    /// Whether a kept answer will do; otherwise it is encoded again.
    package var mayRead = true
    /// Whether the answer may be kept; otherwise nothing is left behind.
    package var mayKeep = true
    /// Whether nothing is to be encoded, what is not kept failing with `ServiceError.notCached`.
    package var isReadOnly = false
    /// The oldest kept answer that will do, in seconds; nil is any.
    package var maximumAge: Int?

    /// Reads and keeps.
    package init() {}
}
