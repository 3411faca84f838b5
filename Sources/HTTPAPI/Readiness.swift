package import Serving
import Synchronization

/// Whether the service can answer: it is loading at first, and drains at last.
package final class Readiness: Sendable {
    private enum Phase {
        case loading
        case ready(ModelRegistry)
        case draining
    }

    private let phase = Mutex(Phase.loading)

    /// Starts in the loading phase.
    package init() {}

    /// The models are loaded. Without effect while draining.
    package func becomeReady(_ models: ModelRegistry) {
        phase.withLock { phase in
            if case .loading = phase { phase = .ready(models) }
        }
    }

    /// The only model is loaded.
    package func becomeReady(_ service: EncodingService) { becomeReady(ModelRegistry(service)) }

    /// No new work is to be sent here. Work that was accepted is finished.
    package func startDraining() { phase.withLock { $0 = .draining } }

    /// Whether no new work is to be sent here.
    var isDraining: Bool {
        if case .draining = phase.withLock({ $0 }) { true } else { false }
    }

    /// The service of the first model, or why there is none now.
    func service() throws(APIError) -> EncodingService { try registry().standard }

    /// All models, or why there are none now.
    func registry() throws(APIError) -> ModelRegistry {
        switch phase.withLock({ $0 }) {
        case .loading: throw .unavailable("the model is being loaded")
        case .ready(let models): return models
        case .draining: throw .unavailable("the server is shutting down")
        }
    }
}
