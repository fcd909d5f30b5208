package dev.jemma.agent;

import dev.jemma.agent.bind.ToolBinder;
import java.util.List;
import java.util.function.Consumer;

/** What an agent was built with. */
record AgentSettings(
        LanguageModel model,
        ToolBinder tools,
        List<OfferedTool> offered,
        Limits limits,
        Policies policies,
        Approval approval,
        ToolOrder order,
        Consumer<AgentEvent> listener) {}
