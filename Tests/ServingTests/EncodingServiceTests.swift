import BiGSModel
import DocumentStore
import Foundation
import Logging
import TestSupport
import Testing

@testable import Serving

@Suite struct EncodingServiceTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func service(
        golden: String = "t1/SequenceClassification/torch-safetensors", store: URL? = nil,
        options: LoadingOptions = LoadingOptions(), queueTokens: Int = 100_000
    ) throws -> (EncodingService, InferenceExecutor) {
        let loaded = try LoadedModel.load(
            directory: SmallModel.directory(golden: golden, vocabularySize: 256), options: options)
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: 512, maximumQueueTokens: queueTokens)
        let opened = try store.map { try EncodingStore.open(path: $0.path, logger: logger) }
        return (
            EncodingService(
                loaded: loaded, executor: executor, store: opened, cachePatience: .seconds(600),
                logger: logger),
            executor
        )
    }

    private func texts(_ count: Int, seed: UInt64) -> [EncodingInput] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            let length = Int.random(in: 1...140, using: &random)
            return .text(
                String((0..<length).map { _ in "abcdefgh ".randomElement(using: &random) ?? " " }))
        }
    }

    @Test func theSameTextGivesTheSameBytesAloneAndInAnyBatch() async throws {
        let (service, executor) = try service(options: LoadingOptions(padding: PaddingPolicy.none))
        defer { executor.stop() }
        let inputs = texts(24, seed: 3)
        let together = try await service.embed(inputs, rules: EncodingRules()).vectors
        for (index, input) in inputs.enumerated() {
            let alone = try await service.embed([input], rules: EncodingRules()).vectors[0]
            #expect(alone == together[index], "text \(index)")
        }
        let many = await withTaskGroup(of: (Int, [Float]?).self) { group in
            for (index, input) in inputs.enumerated() {
                group.addTask {
                    let result = try? await service.embed([input], rules: EncodingRules())
                    return (index, result?.vectors.first)
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for index in inputs.indices { #expect(many[index] == together[index], "text \(index)") }
    }

    @Test func keepsWhatItEncodedAndSaysSo() async throws {
        let directory = try SmallModel.temporaryDirectory()
        let store = directory.appending(path: "store.sqlite")
        let inputs = texts(3, seed: 5)
        let first: EncodingResult
        do {
            let (service, executor) = try service(store: store)
            defer { executor.stop() }
            first = try await service.embed(inputs, rules: EncodingRules())
            #expect(first.cache == .miss)
            let mixed = try await service.embed(
                inputs + [.text("new")], rules: EncodingRules())
            #expect(mixed.cache == .mixed)
        }
        let (again, executor) = try service(store: store)
        defer { executor.stop() }
        let second = try await again.embed(inputs, rules: EncodingRules())
        #expect(second.cache == .hit)
        #expect(second.vectors == first.vectors)
        #expect(second.usage == first.usage)
    }

    @Test func anotherPoolingIsAnotherFingerprint() async throws {
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite")
        let (mean, first) = try service(store: store)
        let (cls, second) = try service(store: store, options: LoadingOptions(pooling: .cls))
        defer {
            first.stop()
            second.stop()
        }
        #expect(mean.loaded.fingerprint != cls.loaded.fingerprint)
        let a = try await mean.embed([.text("abc")], rules: EncodingRules())
        let b = try await cls.embed([.text("abc")], rules: EncodingRules())
        #expect(b.cache == .miss)
        #expect(a.vectors != b.vectors)
    }

    @Test func saysHowMuchOfATextWasUsed() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        let long = EncodingInput.text(String(repeating: "a b ", count: 200))
        let result = try await service.embed([long], rules: EncodingRules())
        #expect(result.usage == [TokenUsage(tokens: 402, tokensUsed: 128)])
        await #expect(throws: ServiceError.self) {
            try await service.embed([long], rules: EncodingRules(truncate: false))
        }
    }

    @Test func refusesIdsThatTheVocabularyLacks() async throws {
        let (service, executor) = try service()
        defer { executor.stop() }
        do {
            _ = try await service.embed([.tokens([1, 2, 256])], rules: EncodingRules())
            Issue.record("an unknown id was accepted")
        } catch {
            guard case .unknownToken(let input, let position, let id, let size) = error else {
                Issue.record("unexpected: \(error)")
                return
            }
            #expect((input, position, id, size) == (0, 2, 256, 256))
        }
    }

    @Test(.timeLimit(.minutes(10))) func aFullQueueRefusesAtOnce() async throws {
        let (service, executor) = try service(queueTokens: 1)
        defer { executor.stop() }
        // A machine that reads texts more slowly than it encodes them never has two waiting.
        var refused = 0
        while refused == 0 {
            refused = await withTaskGroup(of: Bool.self) { group in
                for seed in 0..<16 {
                    let inputs = texts(64, seed: 100 + UInt64(seed))
                    group.addTask {
                        do {
                            _ = try await service.embed(inputs, rules: EncodingRules())
                            return false
                        } catch let error as ServiceError {
                            guard case .overloaded(let tokens, let seconds) = error else {
                                return false
                            }
                            return tokens > 0 && seconds >= 1
                        } catch { return false }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }
        #expect(refused < 16)
    }

    @Test func cancelledRequestsLeaveTheQueue() async throws {
        let (service, executor) = try service(queueTokens: 1_000_000)
        defer { executor.stop() }
        let inputs = texts(256, seed: 11)
        let blocking = Task { try await service.embed(inputs, rules: EncodingRules()) }
        let waiting = (0..<8).map { index in
            let inputs = texts(256, seed: 12 + UInt64(index))
            return Task { try await service.embed(inputs, rules: EncodingRules()) }
        }
        for task in waiting { task.cancel() }
        for task in waiting {
            let result = await task.result
            if case .failure(let error) = result {
                guard case .cancelled? = error as? ServiceError else {
                    Issue.record("unexpected: \(error)")
                    continue
                }
            }
        }
        _ = try await blocking.value
        // What was cancelled as it ran leaves with its layer.
        while service.load > 0 { await Task.yield() }
    }

    @Test(.timeLimit(.minutes(5))) func aTextOfALargeBatchIsThereBeforeTheBatch() async throws {
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite")
        let (service, executor) = try service(store: store, queueTokens: 10_000_000)
        defer { executor.stop() }
        var random = SeededGenerator(seed: 29)
        let inputs = (0..<4_000).map { _ in
            EncodingInput.tokens((0..<128).map { _ in Int32.random(in: 1...255, using: &random) })
        }
        let batch = Task { try await service.embed(inputs, rules: EncodingRules()) }
        while executor.counts.passes == 0 { await Task.yield() }
        let one = try await service.embed([inputs[0]], rules: EncodingRules())
        #expect(one.cache == .miss && executor.load > 0, "the batch is done already")
        // What it did until it was given up is kept, if not before it has ended.
        batch.cancel()
        await #expect(throws: ServiceError.self) { try await batch.value }
        var rules = EncodingRules()
        rules.cache.isReadOnly = true
        var kept: EncodingResult?
        while kept == nil { kept = try? await service.embed([inputs[0]], rules: rules) }
        #expect(kept?.cache == .hit && kept?.vectors == one.vectors)
    }

    @Test func equalTextsUnderWayAreEncodedOnce() async throws {
        let (service, executor) = try service(queueTokens: 1_000_000)
        defer { executor.stop() }
        let same = texts(2, seed: 22)
        var didWait = false
        // On a busy machine one may be done before the other comes; then once more.
        for attempt in 0..<50 where !didWait {
            // Holds the executor while the others come.
            async let blocking = service.embed(
                (0..<256).map { .text("\(attempt) \($0)") }, rules: EncodingRules())
            async let first = service.embed(same, rules: EncodingRules())
            async let second = service.embed(same.reversed(), rules: EncodingRules())
            var fresh = EncodingRules()
            fresh.cache.mayRead = false
            async let third = service.embed(same, rules: fresh)
            let results = try await (first, second, third)
            _ = try await blocking
            #expect(results.0.vectors == results.1.vectors.reversed())
            #expect(results.0.vectors == results.2.vectors)
            #expect(results.2.timings.inference > .zero, "it asked to be encoded anew")
            #expect(results.0.cache == .miss && results.1.cache == .miss)
            let waited = [results.0, results.1].count { $0.timings.inference == .zero }
            #expect(waited < 2)
            didWait = waited == 1
        }
        #expect(didWait)
        #expect(service.underWay.count == 0)
    }

    @Test func theCallerDecidesWhatTheCacheDoes() async throws {
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite")
        let (service, executor) = try service(store: store)
        defer { executor.stop() }
        func rules(_ change: (inout CachePolicy) -> Void) -> EncodingRules {
            var rules = EncodingRules()
            change(&rules.cache)
            return rules
        }
        let text = [EncodingInput.text("abc")]
        await #expect(throws: ServiceError.self) {
            try await service.embed(text, rules: rules { $0.isReadOnly = true })
        }
        let unkept = try await service.embed(text, rules: rules { $0.mayKeep = false })
        #expect(unkept.cache == .miss && unkept.age == nil)
        #expect(try await service.embed(text, rules: EncodingRules()).cache == .miss)
        let hit = try await service.embed(text, rules: rules { $0.isReadOnly = true })
        #expect(hit.cache == .hit && hit.vectors == unkept.vectors)
        #expect(try #require(hit.age) >= 0)
        #expect(try await service.embed(text, rules: rules { $0.mayRead = false }).cache == .miss)
        #expect(try await service.embed(text, rules: rules { $0.maximumAge = 3600 }).cache == .hit)
    }
}
