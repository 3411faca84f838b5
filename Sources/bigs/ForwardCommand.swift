import ArgumentParser
import BiGSModel
import Checkpoints
import Foundation
import Kernels

/// `bigs forward`: raw tensors in, raw tensors out; for comparison with other implementations.
struct ForwardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Runs the model on token ids from a safetensors file, and writes its outputs.",
        discussion: """
            The input has input_ids [B, L], or [B, choices, L] for multiple choice, and may have \
            attention_mask, token_type_ids and position_ids of the same shape (int32 or int64). \
            The output has last_hidden_state, pooler_output, logits, start_logits and end_logits, \
            as far as the checkpoint has them, in float32. Nothing is tokenized or padded.
            """)

    @OptionGroup var model: ModelArguments

    @Option(help: "The safetensors file to read.")
    var input: String

    @Option(help: "The safetensors file to write.")
    var output: String

    func run() throws {
        if let threads = model.threads { ComputeThreads.configure(threads) }
        let checkpoint = try Checkpoint(directory: model.directory())
        model.noteDtype()
        let bigs = try BiGSModel.load(
            checkpoint, options: ModelOptions(gelu: model.gelu, dtype: model.dtype))
        let file = try SafetensorsFile(url: URL(filePath: input))
        guard let ids = try tensor("input_ids", file, shape: nil) else {
            let names = file.tensors.keys.sorted()
            throw CommandError(
                description: "\(input): has no input_ids; it has: "
                    + (names.isEmpty ? "nothing" : names.joined(separator: ", ")))
        }
        guard ids.shape.count == 2 || ids.shape.count == 3, ids.shape.allSatisfy({ $0 > 0 }),
            let length = ids.shape.last
        else {
            throw CommandError(
                description: "\(input): input_ids: expected [B, L] or [B, choices, L], not empty, "
                    + "got shape \(ids.shape)")
        }
        let masks = try tensor("attention_mask", file, shape: ids.shape)
        let types = try tensor("token_type_ids", file, shape: ids.shape)
        let positions = try tensor("position_ids", file, shape: ids.shape)

        // Before memory is taken for what will be refused.
        guard length <= bigs.configuration.maximumPositions else {
            throw ModelError.input(
                .tooLong(sequence: 0, tokens: length, maximum: bigs.configuration.maximumPositions))
        }
        let workspace = bigs.makeWorkspace(tokenCapacity: length)
        var outputs: [SequenceOutput] = []
        for start in stride(from: 0, to: ids.values.count, by: length) {
            let range = start..<start + length
            let sequence = TokenSequence(
                ids: Array(ids.values[range]), typeIDs: types.map { Array($0.values[range]) },
                attentionMask: masks.map { Array($0.values[range]) },
                positionIDs: positions.map { Array($0.values[range]) })
            outputs += try bigs.forward(
                TokenBatch(sequences: [sequence]), workspace: workspace,
                outputs: [.lastHiddenState, .poolerOutput, .logits]
            ).sequences
        }
        try SafetensorsWriter.write(
            tensors(outputs, leading: Array(ids.shape.dropLast()), length: length, bigs),
            metadata: ["format": "bigs"], to: URL(filePath: output))
    }

    private struct Integers {
        let shape: [Int]
        let values: [Int32]
    }

    /// A tensor of whole numbers; nil when the file has none of that name.
    private func tensor(
        _ name: String, _ file: SafetensorsFile, shape: [Int]?
    ) throws -> Integers? {
        guard let view = file.tensors[name] else { return nil }
        if let shape, view.shape != shape {
            throw CommandError(
                description:
                    "\(input): \(name) has shape \(view.shape), but input_ids has \(shape)")
        }
        let values = try view.integers().map { value in
            guard let value = Int32(exactly: value) else {
                throw CommandError(description: "\(input): \(name) has \(value): out of range")
            }
            return value
        }
        return Integers(shape: view.shape, values: values)
    }

    private typealias OutputTensor = (name: String, shape: [Int], values: SafetensorsWriter.Values)

    private func tensors(
        _ outputs: [SequenceOutput], leading: [Int], length: Int, _ model: BiGSModel
    ) -> [OutputTensor] {
        let hidden = model.configuration.hiddenSize
        var tensors: [OutputTensor] = []
        func add(_ name: String, _ shape: [Int], _ part: (SequenceOutput) -> [Float]?) {
            let parts = outputs.compactMap(part)
            guard parts.count == outputs.count else { return }
            tensors.append((name, shape, .float32(parts.flatMap { $0 })))
        }
        add("last_hidden_state", leading + [length, hidden]) { $0.lastHiddenState }
        add("pooler_output", leading + [hidden]) { $0.poolerOutput }
        // One score a choice: the choices themselves are the last axis.
        let logits = model.head == .multipleChoice ? [] : outputs.first?.logitsShape ?? []
        add("logits", leading + logits) { $0.logits }
        add("start_logits", leading + [length]) { $0.startLogits }
        add("end_logits", leading + [length]) { $0.endLogits }
        return tensors
    }
}
