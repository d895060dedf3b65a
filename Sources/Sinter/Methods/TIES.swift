/// Trims differences from the base to the largest, elects a sign for each element, and averages
/// those that agree with it (TIES, arXiv:2306.01708).
public struct TIES: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  public init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(group, sparsification: .magnitude, electsSign: true)
  }
}

extension TIES {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "ties",
    title: "TIES",
    summary: "keeps the largest differences that agree in sign",
    formula: """
      dᵢ = the density·n elements of largest magnitude of xᵢ - b, 0 elsewhere
      s  = sign of Σ wᵢ·dᵢ, + for a sum of zero
      mix = Σ wᵢ·dᵢ over the models with sign(wᵢ·dᵢ) = s
      out = b + λ·mix / Σ wᵢ of those models      (normalize: true)
      out = b + λ·mix                             (normalize: false)

      semantics: paper   dᵢ are the largest of the whole model; s = sign of Σ dᵢ, none for zero
      semantics: peft    s = sign of Σ dᵢ; out = b + λ·mix / number of models that agree
      """,
    goodFor: """
      Several fine-tunes of one base that change the same weights in different directions.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: TaskVectorParameters.all(normalize: true, rescale: false)
      + [TaskVectorSemantics.parameter(.mergekit, .paper, .peft)],
    source: "https://arxiv.org/abs/2306.01708",
    differences: [
      """
      Exactly max(1, ⌊density·n⌋) elements are kept; of equal magnitudes the lowest index \
      first. mergekit keeps any of them.
      """,
      "Weights, factors and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: ties
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8, density: 0.5}
        - model: ./code
          parameters: {weight: 0.8, density: 0.5}
      """)
}
