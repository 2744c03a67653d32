"""Ways to serve the worst-served group better, one file each, held against plain training.

A member is a file with a class `Mitigation` and these constants:

MEANING     one sentence: what it does
IN_TRAINING True: it changes how an arm is trained; False: it works on finished predictions
USES_GROUP  True: a prediction needs the patient's group, which may be unlawful in places

`Config` (pydantic, frozen, no extra keys) holds its settings.

In training (IN_TRAINING = True). The caller makes one object of a component and of the group of
every case of a batch, for as many arms and folds as it likes:

    asked = Mitigated(Component(name="group_dro", step=0.05), codes)   # clinmm.training.mitigated
    train_arm(cohort, config, inputs, fold, batch, facts, fabric=fabric, mitigation=asked)

codes is (N,) int, one per case of the batch, -1 where the attribute is not recorded; which number
stands for which group changes nothing. Every model (member, seed, weight decay) begins with a
state of its own: `fit` makes `Mitigation(config, training, groups)`, which extends
`clinmm.training.mitigated.PlainTraining`, whose methods are all that a mitigation may change:

    case_weights()              factors on the weights of the training cases, once
    judging_weights()           factors on those of `validate`, by whose loss the best epoch is kept
    judging_loss(answer, vectors)      a term added to that loss
    order(rng)                  the cases of an epoch
    left(rows, present)         which inputs a step may use
    reweighted(rows, weight, losses)   weights within a step, from its losses
    extra_loss(said)            a term added to the loss
    trained_along()             parameters that are trained as well and not stored with the model
    state(), restore(state)     what a checkpoint keeps of it

What holds for all of them:

- A case whose attribute is not recorded trains with weight 1, in no group.
- Each outcome of each class keeps the total weight that it has in plain training, whatever the
  weights or the sampling of groups. So `class_weights: balanced`, the log-odds that every head
  starts from, and the intercept that is set after training (`settle`, unweighted) stay right for
  all cases together. What does change is what the model learns of the prevalence *within* groups:
  where groups differ in it, the risk of each group is drawn to the pooled prevalence. Calibration
  afterwards sees all patients and cannot put that back; group_calibration can.
- The budget is that of plain training: as many cases in an epoch, as many epochs at most.
- The best epoch, and of several weight decays the best, are chosen on `validate` by what the
  mitigation trains for; the plain loss would choose an early epoch, before it has taken hold.
  The losses of two mitigations are therefore not to be compared.
- An arm of several inputs starts from models on each input, which `train_arm` trains under the same
  mitigation if it is not given any: leave `alone` out, or the starting values are those of plain
  training and only the last, slow steps are mitigated.
- The model that comes out is one as of plain training: stored, loaded and asked in the same way,
  and it never sees the group.

On finished predictions (IN_TRAINING = False). Fitted on patients that are not test, and then asked
for probabilities or for calls (0 or 1), whichever of the two it has; one that calls is also given
the study's own calls of the cases, `calls=`:

    fitted = Mitigation(config).fit(cases, task)     # cases: parts.finished.Finished
    fitted.probability(probability, groups)   or   fitted.decision(probability, groups)
"""
