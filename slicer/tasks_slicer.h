// Gives tasks as slices of their own: a task when all that stands before it is completed.
//
// request  := {"task":"2.0.17","name":LABEL,"count":1,"variables":{NAME: text}}     task: core/tasks TaskPath
// position := that of core/tasks/task_graph.h
#pragma once

#include <memory>

#include "slicer/slicer.h"

namespace slicemill {

std::unique_ptr<Slicer> make_tasks_slicer();
// As the task says. options: of the reader.
SlicePolicyOf tasks_policy(const Json& options);

}  // namespace slicemill
