/// The models of a server, by the names that requests choose them by.
package struct ModelRegistry: Sendable {
    /// Every model's service, in the order they were given; the first answers requests that name none.
    package let services: [EncodingService]

    /// The model that answers when a request names none.
    package let standard: EncodingService

    /// A server with `standard` and, after it, `others`. Names must differ: the first of a name wins.
    package init(_ standard: EncodingService, others: [EncodingService] = []) {
        self.standard = standard
        services = [standard] + others
    }

    /// The model of that name, or of that fingerprint, as documents and searches are answered with it;
    /// the first one for nil; nil when there is none. The owner in a hub's name may be left out.
    package func service(named name: String?) -> EncodingService? {
        guard let name else { return standard }
        return services.first { $0.loaded.name == name }
            ?? services.first { $0.loaded.fingerprintText == name }
            ?? services.first { $0.loaded.isCalled(name) }
    }

    /// The models' names in order.
    package var names: [String] { services.map(\.loaded.name) }

    /// Tokens that wait or run now: one executor runs all models.
    package var load: Int { standard.load }
}
