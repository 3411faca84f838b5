import Checkpoints
import Foundation
import Testing

/// One test per way in which a safetensors file can be wrong, and the writer.
@Suite struct SafetensorsTests {
    private let file = "weights"
    private let entry = #""dtype":"F32","shape":[2],"data_offsets":[0,8]"#

    private func problem(_ header: String, data: Int = 8) -> CheckpointError? {
        CheckpointsTests.problem(.safetensors, safetensors(header, data: data))
    }

    @Test func soundFileLoads() {
        #expect(problem(#"{"a":{\#(entry)}}  "#) == nil)
        #expect(problem("{}", data: 0) == nil)
        #expect(
            problem(#"{"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}"#, data: 2) == nil)
        #expect(
            problem(#"{"a":{"dtype":"I8","shape":[0,3],"data_offsets":[0,0]}}"#, data: 0)
                == nil)
    }

    @Test func emptyFile() {
        #expect(
            CheckpointsTests.problem(.safetensors, [])
                == .truncated(
                    file: file, what: "the length of the header", offset: 0, needed: 8,
                    available: 0))
    }

    @Test func headerTooLarge() {
        for length in [UInt64(100_000_001), .max, 1 << 63] {
            #expect(
                CheckpointsTests.problem(.safetensors, littleEndian(length) + [0x7B, 0x7D])
                    == .headerTooLarge(file: file, limit: 100_000_000, got: length))
        }
    }

    @Test func headerBeyondEnd() {
        #expect(
            CheckpointsTests.problem(.safetensors, littleEndian(UInt64(3)) + [0x7B, 0x7D])
                == .headerBeyondEnd(file: file, length: 3, available: 2))
    }

    @Test(arguments: [
        "", "[]", "{", #"{"a"}"#, #"{"a":1}"#, "{}x", #"{"a":{"dtype":"F32","shape":[01]}}"#,
        #"{"a":{"dtype":"F32","shape":[-1]}}"#, #"{"a":{"dtype":"F32","shape":[1.0]}}"#,
        #"{"a":{"dtype":"F32","shape":[99999999999999999999]}}"#, #"{"\q":1}"#, "{\"\u{1}\":1}",
        #"{"\ud800x":1}"#, #"{"\u12g4":1}"#, #"{"a":{"shape":[1,]}}"#,
    ]) func headerIsNotJSON(header: String) {
        switch problem(header) {
        case .invalidJSON, .truncated: break
        case let other: Issue.record("\(header): \(String(describing: other))")
        }
    }

    @Test func headerIsNotUTF8() {
        let header: [UInt8] = [0x7B, 0x22, 0xC0, 0x80, 0x22, 0x3A, 0x7B, 0x7D, 0x7D]
        #expect(
            CheckpointsTests.problem(.safetensors, littleEndian(UInt64(9)) + header)
                == .invalidText(file: file, what: "a string", offset: 9))
    }

    @Test func duplicateTensor() {
        #expect(
            problem(#"{"a":{\#(entry)},"\u0061":{\#(entry)}}"#)
                == .duplicateKey(file: file, key: "a"))
    }

    @Test func duplicateField() {
        #expect(
            problem(#"{"a":{"dtype":"F32",\#(entry)}}"#)
                == .duplicateKey(file: file, key: "dtype"))
    }

    @Test(arguments: ["dtype", "shape", "data_offsets"])
    func missingField(field: String) {
        let fields = ["dtype": #""F32""#, "shape": "[2]", "data_offsets": "[0,8]"]
        let kept = fields.filter { $0.key != field }.map { "\"\($0.key)\":\($0.value)" }
        #expect(
            problem("{\"a\":{\(kept.joined(separator: ","))}}")
                == .fieldMissing(file: file, tensor: "a", field: field))
    }

    @Test func unknownField() {
        #expect(
            problem(#"{"a":{\#(entry),"strides":[1]}}"#)
                == .fieldUnknown(file: file, tensor: "a", field: "strides"))
    }

    @Test func unknownElementType() {
        #expect(
            problem(#"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#)
                == .unknownElementType(file: file, tensor: "a", got: "F8_E4M3"))
    }

    @Test func nameTooLong() {
        let name = String(repeating: "a", count: 513)
        #expect(
            problem("{\"\(name)\":{\(entry)}}")
                == .nameTooLong(file: file, limit: 512, got: 513))
    }

    @Test func namesAreShownWithoutControlCharacters() throws {
        let error = try #require(problem(#"{"\u001b[2J\u202ea":{"x":1}}"#))
        #expect(
            error == .fieldUnknown(file: file, tensor: "\u{1b}[2J\u{202e}a", field: "x"))
        #expect(error.description.contains(#"tensor '\u{1b}[2J\u{202e}a' has"#))
    }

    @Test func tooManyDimensions() {
        let shape = [String](repeating: "1", count: 33).joined(separator: ",")
        #expect(
            problem(#"{"a":{"dtype":"F32","shape":[\#(shape)],"data_offsets":[0,4]}}"#)
                == .tooManyDimensions(file: file, tensor: "a", limit: 32, got: 33))
    }

    @Test func shapeOverflows() {
        for shape in [[Int.max, 2], [1 << 32, 1 << 31], [0, Int.max, 2], [Int.max]] {
            let text = shape.map(String.init).joined(separator: ",")
            #expect(
                problem(#"{"a":{"dtype":"F32","shape":[\#(text)],"data_offsets":[0,8]}}"#)
                    == .shapeOverflow(file: file, tensor: "a", shape: shape))
        }
    }

    @Test func sizeMismatch() {
        #expect(
            problem(#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#)
                == .sizeMismatch(file: file, tensor: "a", shape: [3], expected: 12, got: 8))
    }

    @Test func offsetsOutOfRange() {
        #expect(
            problem(#"{"a":{\#(entry)}}"#, data: 7)
                == .offsetsOutOfRange(file: file, tensor: "a", begin: 0, end: 8, available: 7))
    }

    @Test func offsetsReversed() {
        #expect(
            problem(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#)
                == .offsetsOutOfRange(file: file, tensor: "a", begin: 8, end: 0, available: 8))
    }

    @Test func offsetsOverlap() {
        let second = #""b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}"#
        #expect(
            problem(#"{"a":{\#(entry)},\#(second)}"#, data: 12)
                == .offsetsOverlap(file: file, tensor: "b", begin: 4, previousEnd: 8))
    }

    @Test func offsetsLeaveHole() {
        let second = #""b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}"#
        #expect(
            problem(#"{"a":{\#(entry)},\#(second)}"#, data: 16)
                == .offsetsLeaveHole(file: file, tensor: "b", begin: 12, previousEnd: 8))
    }

    @Test func trailingBytes() {
        let header = #"{"a":{\#(entry)}}"#
        #expect(
            problem(header, data: 9)
                == .trailingBytes(file: file, offset: 16 + header.utf8.count, count: 1))
    }

    @Test func nestingBombIsRefused() throws {
        let bomb = String(repeating: "[", count: 200_000)
        #expect(problem(#"{"a":\#(bomb)"#) != nil)
        #expect(problem(#"{"__metadata__":{"a":\#(bomb)"#) != nil)
        try withDirectory([
            "config.json": Array("{}".utf8),
            "model.safetensors.index.json": Array(#"{"metadata":\#(bomb)"#.utf8),
        ]) { directory in
            guard case .jsonTooDeep = Checkpoint.problems(in: directory).first else {
                Issue.record("expected jsonTooDeep")
                return
            }
        }
    }

    @Test func writtenFileReadsBack() throws {
        let floats: [Float] = [0, -1.5, .infinity, .leastNonzeroMagnitude, 1e30, -0.0]
        try withDirectory([:]) { directory in
            let url = directory.appending(path: "out.safetensors")
            for _ in 0..<2 {
                try SafetensorsWriter.write(
                    [
                        ("x.\"y\"\n\\é", [2, 3], .float32(floats)),
                        ("ids", [3], .int32([1, -2, .max])),
                        ("long", [], .int64([.min])),
                        ("none", [0, 4], .float32([])),
                    ], metadata: ["format": "pt", "a\tb": "\"c\""], to: url)
            }
            let file = try SafetensorsFile(url: url)
            #expect(file.metadata == ["format": "pt", "a\tb": "\"c\""])
            let x = try #require(file.tensors["x.\"y\"\n\\é"])
            #expect(x.shape == [2, 3] && x.strides == [3, 1] && x.type == .float32)
            #expect(try x.floats().map(\.bitPattern) == floats.map(\.bitPattern))
            #expect(try x.firstNonFinite() == 2)
            #expect(try file.tensors["ids"]?.integers() == [1, -2, Int64(Int32.max)])
            #expect(try file.tensors["long"]?.integers() == [.min])
            #expect(file.tensors["long"]?.count == 1 && file.tensors["none"]?.count == 0)
            #expect(try file.tensors["none"]?.floats() == [])
            let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            #expect(names == ["out.safetensors"])
        }
    }

    @Test func writingIntoNoDirectoryFails() throws {
        let url = URL(filePath: "/nonexistent-directory/out.safetensors")
        do throws(CheckpointError) {
            try SafetensorsWriter.write([], to: url)
            Issue.record("expected an error")
        } catch {
            #expect(
                error.description
                    == "\(url.path): cannot be written: No such file or directory")
        }
    }

    @Test func aLinkStaysAndLeadsToTheNewFile() throws {
        try withDirectory([:]) { directory in
            let file = directory.appending(path: "out.safetensors")
            let link = directory.appending(path: "link")
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
            // The link leads to nothing at first.
            for count in 1...2 {
                try SafetensorsWriter.write(
                    [("a", [count], .float32(Array(repeating: 1, count: count)))], to: link)
                #expect(
                    try FileManager.default.destinationOfSymbolicLink(atPath: link.path)
                        == file.path)
                #expect(try SafetensorsFile(url: file).tensors["a"]?.count == count)
            }
        }
    }

    @Test func aPipeIsWrittenInto() throws {
        try withDirectory([:]) { directory in
            let pipe = directory.appending(path: "pipe")
            #expect(mkfifo(pipe.path, 0o600) == 0)
            // Open for both, so that nobody waits for the other end.
            let end = try #require(FileHandle(forUpdatingAtPath: pipe.path))
            try SafetensorsWriter.write([("a", [1], .float32([1]))], to: pipe)
            #expect(try end.read(upToCount: 8)?.count == 8)
            var status = stat()
            #expect(lstat(pipe.path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        }
    }

    @Test func aFolderIsNotReplaced() throws {
        try withDirectory([:]) { directory in
            do throws(CheckpointError) {
                try SafetensorsWriter.write([], to: directory)
                Issue.record("expected an error")
            } catch {
                #expect(error.description.hasSuffix("cannot be written: Is a directory"))
            }
        }
    }
}
