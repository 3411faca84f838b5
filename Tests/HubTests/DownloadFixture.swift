import Foundation
import TestSupport

@testable import Hub

/// A hub with a model, and what is fetched from it.
protocol DownloadFixture {}

extension DownloadFixture {
    /// Content that differs from byte to byte, and from one name to the next.
    func content(_ name: String, _ count: Int) -> Data {
        var generator = SeededGenerator(seed: UInt64(name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))
        return Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// A hub with a model of three files that are read, and three that are not.
    func hub() -> FakeHub {
        let hub = FakeHub()
        hub.put("config.json", Data(#"{"model_type":"BiGS"}"#.utf8))
        hub.put("vocab.txt", content("vocab", 5_000))
        hub.put("model.safetensors", content("weights", 300_000), large: true)
        hub.put("pytorch_model.bin", content("bin", 100_000), large: true)
        hub.put("onnx/model.onnx", content("onnx", 1_000), large: true)
        hub.put(".gitattributes", Data("*.bin filter=lfs".utf8))
        return hub
    }

    /// Those that are read, in order.
    var wanted: [String] { ["config.json", "model.safetensors", "vocab.txt"] }

    func pull(
        from address: String, into directory: URL, revision: String = "main", token: String? = nil,
        pauses: [Duration] = [.zero, .zero], piece: Int = 1 << 20
    ) async throws -> ModelDownload.Outcome {
        let client = try HubClient(endpoint: address, token: token, pauses: pauses, piece: piece)
        return try await ModelDownload(client: client, directory: directory)
            .run(HubRepository("owner/name", revision: revision)) { _ in }
    }

    /// Every file below a directory with its content.
    func files(in directory: URL) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: directory.path) {
            let url = directory.appending(path: path)
            guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else {
                continue
            }
            found[path] = try Data(contentsOf: url)
        }
        return found
    }
}
