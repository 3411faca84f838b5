internal import Kernels

/// One bidirectional gated layer (arXiv 2212.10544, figure 1; names as in the paper and in the
/// checkpoint). The legend of the shapes: T packed tokens of all texts, H `hiddenSize`,
/// I `intermediateSize`. The backward recurrence runs from each text's last token to its first,
/// so nothing is flipped; neither recurrence crosses from one text into another.
struct BiGSLayer: Sendable {
    let norm: LayerNorm
    let dv: DenseProjection  //          [H, I], gelu
    let duForward: DenseProjection  //   [H, H], gelu
    let duBackward: DenseProjection  //  [H, H], gelu
    let fs4: SSMConvolution  //          one kernel for all H channels
    let bs4: SSMConvolution  //          one kernel for all H channels
    let ducForward: DenseProjection  //  [H, H]
    let ducBackward: DenseProjection  // [H, H]
    let dol: DenseProjection  //         [H, I], gelu
    let `do`: DenseProjection  //        [I, H]
    /// LayerNorm before the layer, or after the sum.
    let preNorm: Bool

    /// A part of the work on a layer: of the rows, the tiles of some rounds at a time.
    struct Step: Equatable {
        /// Rounds that go into the recurrences.
        var entering: Range<Int>
        /// Whether the recurrences follow.
        var recurs: Bool
        /// Rounds that come out of them.
        var leaving: Range<Int>
    }

    /// The steps, in their order, of a pass of so many rows through a layer of this size: one where there
    /// is little to do, else about equal ones of `work` multiplications or more, and the recurrences.
    static func steps(
        tokens: Int, tiles: RowTiles, _ configuration: BiGSConfiguration, work least: Int
    ) -> [Step] {
        let (h, i, rounds) = (
            configuration.hiddenSize, configuration.intermediateSize, tiles.rounds
        )
        func parts(_ weights: Int) -> [Range<Int>] {
            let count = max(1, min(rounds, tokens * weights / least))
            return (0..<count).map { rounds * $0 / count..<rounds * ($0 + 1) / count }
        }
        let (entering, leaving) = (parts(2 * h * h), parts(2 * h * h + 3 * h * i))
        if leaving.count == 1 {
            return [Step(entering: 0..<rounds, recurs: true, leaving: 0..<rounds)]
        }
        return entering.map { Step(entering: $0, recurs: false, leaving: 0..<0) }
            + [Step(entering: 0..<0, recurs: true, leaving: 0..<0)]
            + leaving.map { Step(entering: 0..<0, recurs: false, leaving: $0) }
    }

    /// Takes one of the steps that replace `w.h` [T, H] by the layer's output. What belongs to a row goes
    /// through it a tile of rows at a time, t of them; only the recurrences need the whole text.
    func take(_ step: Step, _ w: ModelWorkspace, layout: SequenceLayout, tiles: RowTiles) {
        tiles.run(Entry(layer: self, w: w), rounds: step.entering)
        if step.recurs {
            SSMConvolution.apply(  //                          sf = kf * uf + Df uf      [T, H]
                fs4, on: w.uf, bs4, on: w.ub,  //              sb = kb * ub + Db ub      [T, H]
                layout: layout, workspace: w.convolution)
        }
        tiles.run(Exit(layer: self, w: w), rounds: step.leaving)
    }

    private struct Entry: TileTask {
        let layer: BiGSLayer
        let w: ModelWorkspace

        func run(_ tile: RowTile) { layer.enter(w, tile) }
    }

    private struct Exit: TileTask {
        let layer: BiGSLayer
        let w: ModelWorkspace

        func run(_ tile: RowTile) { layer.leave(w, tile) }
    }

    /// Into the recurrences.
    private func enter(_ w: ModelWorkspace, _ tile: RowTile) {
        let (x, uf, ub) = (w.x[tile.rows], w.uf[tile.rows], w.ub[tile.rows])
        if preNorm {
            norm.apply(w.h[tile.rows], into: x, in: tile)  //  x  = LayerNorm(h)         [t, H]
        } else {
            Elementwise.copy(w.h[tile.rows], into: x)
        }
        duForward.apply(x, into: uf, in: tile)  //             uf = gelu(x Wf + bf)      [t, H]
        duBackward.apply(x, into: ub, in: tile)  //            ub = gelu(x Wb + bb)      [t, H]
    }

    /// Out of the recurrences.
    private func leave(_ w: ModelWorkspace, _ tile: RowTile) {
        let (sf, sb) = (w.uf[tile.rows], w.ub[tile.rows])
        let (h, c, v) = (w.h[tile.rows], w.c(tile), w.v(tile))
        ducForward.apply(sf, into: c, in: tile)  //            cf = sf Wcf + bcf         [t, H]
        ducBackward.apply(sb, into: c, multiplier: c, in: tile)  // c = (sb Wcb + bcb) . cf
        dv.apply(w.x[tile.rows], into: v, in: tile)  //        v  = gelu(x Wv + bv)      [t, I]
        dol.apply(c, into: v, multiplier: v, in: tile)  //     g  = gelu(c Wol + bol) . v [t, I]
        `do`.apply(v, into: h, residual: h, in: tile)  //      h  = h + g Wo + bo        [t, H]
        if !preNorm { norm.apply(h, into: h, in: tile) }
    }
}
