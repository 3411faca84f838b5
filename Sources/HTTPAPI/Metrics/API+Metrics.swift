import BiGSModel
import DocumentStore
import Foundation
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `GET /metrics`: Prometheus' text format.
    func exposition(_: ServerRequest) async throws(APIError) -> ServerResponse {
        var readings = ProcessStatistics.readings()
        readings.append(.init("bigs_build_info", [("version", settings.version)], 1))
        let models = try? readiness.registry()
        readings.append(.init("bigs_ready", [], models == nil ? 0 : 1))
        if let models {
            readings += models.services.map { Self.reading($0.loaded) }
            readings += await self.readings(models.standard)
        }
        var response = ServerResponse(status: .ok)
        response.headers[.contentType] = MetricsText.contentType
        response.body = .bytes(metrics.registry.text(readings))
        return response
    }

    private static func reading(_ model: LoadedModel) -> MetricsRegistry.Reading {
        .init(
            "bigs_model_info",
            [
                ("model", model.name), ("fingerprint", model.fingerprintText),
                ("pooling", model.pooling.rawValue), ("padding", model.padding.rawValue),
            ], 1)
    }

    /// What one executor and one store, which all models share, have to tell.
    private func readings(_ service: EncodingService) async -> [MetricsRegistry.Reading] {
        let store = service.storeStatus
        let passes = service.passCounts
        var readings: [MetricsRegistry.Reading] = [
            .init("bigs_queue_tokens", [], Double(service.load)),
            .init("te_queue_size", [], Double(service.queuedTexts)),
            .init("bigs_passes_total", [], Double(passes.passes)),
            .init("bigs_interruptions_total", [], Double(passes.interruptions)),
            .init("bigs_dropped_passes_total", [], Double(passes.dropped)),
            .init("bigs_expired_requests_total", [], Double(passes.expired)),
            .init("bigs_store_open", [], store.isOpen && store.trouble == nil ? 1 : 0),
        ]
        if let statistics = await storeReader.statistics(of: service) {
            readings += [
                .init("bigs_store_bytes", [], Double(statistics.fileBytes)),
                .init("bigs_store_free_bytes", [], Double(statistics.freeBytes)),
                .init("bigs_store_documents", [], Double(statistics.documents)),
                .init("bigs_store_passages", [], Double(statistics.passages)),
                .init("bigs_store_encodings", [], Double(statistics.encodings)),
                .init("bigs_store_hits_total", [], Double(statistics.hits)),
                .init("bigs_store_misses_total", [], Double(statistics.misses)),
                .init("bigs_store_evictions_total", [], Double(statistics.evictions)),
            ]
        }
        return readings
    }
}

/// Counts the store for scrapes, but not for each of them: a large store takes a while to count.
actor StoreReader {
    private static let age = Duration.seconds(10)
    private var last: StoreStatistics?
    private var counted: ContinuousClock.Instant?
    private var running: Task<StoreStatistics?, Never>?

    /// Numbers that are at most ten seconds older than the last count took; the very first caller
    /// waits for them.
    func statistics(of service: EncodingService) async -> StoreStatistics? {
        if let counted, ContinuousClock.now - counted < Self.age { return last }
        let task = running ?? Task { await service.storeStatistics() }
        if running == nil {
            running = task
            Task { await finish(task) }
        }
        if counted == nil { return await task.value }
        return last
    }

    private func finish(_ task: Task<StoreStatistics?, Never>) async {
        last = await task.value
        counted = .now
        running = nil
    }
}
