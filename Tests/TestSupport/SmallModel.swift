package import Foundation

/// Model directories that tests make: a golden checkpoint with a vocabulary of its size.
package enum SmallModel {
    /// A fresh directory with the files of a golden (`t1/SequenceClassification/flax`, say) and a
    /// vocab.txt that has every small letter, whole and continued, and fills up to `size` words.
    package static func directory(golden: String, vocabularySize size: Int) throws -> URL {
        let directory = try temporaryDirectory()
        let source = Fixtures.url("goldens/\(golden)")
        for name in try FileManager.default.contentsOfDirectory(atPath: source.path) {
            try FileManager.default.copyItem(
                at: source.appending(path: name), to: directory.appending(path: name))
        }
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        var words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        words += letters + letters.map { "##" + $0 }
        words += (words.count..<size).map { "[unused\($0)]" }
        try Data((words.prefix(size).joined(separator: "\n") + "\n").utf8)
            .write(to: directory.appending(path: "vocab.txt"))
        return directory
    }

    /// A fresh, empty directory, which goes when the tests have ended.
    package static func temporaryDirectory() throws -> URL {
        let directory = folder.appending(
            path: String(UUID().uuidString.prefix(13)), directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }

    /// The folder of this run's directories.
    private static let folder: URL = {
        atexit { try? FileManager.default.removeItem(at: SmallModel.folder) }
        return FileManager.default.temporaryDirectory
            .appending(path: "bigs-tests-\(UUID().uuidString)", directoryHint: .isDirectory)
    }()
}
