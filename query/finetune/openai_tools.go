package finetune

import (
	"fmt"
	"slices"
)

// toolsOf checks the tools of an example and returns the names of their functions;
// nil: it has no tools.
func (c *checker) toolsOf(o object) []string {
	if o.has("parallel_tool_calls") {
		c.want(o.get("parallel_tool_calls"), 't')
	}
	if !o.has("tools") {
		return nil
	}
	tools, _ := c.anyList(o.get("tools"))
	names := []string{}
	for _, v := range tools {
		tool, ok := c.object(v)
		if !ok {
			continue
		}
		c.only(tool, "a tool", []string{"type", "function"})
		c.isFunction(tool)
		names = append(names, c.definition(tool.get("function")))
	}
	return names
}

// isFunction checks the type of a tool or a call.
func (c *checker) isFunction(o object) {
	if kind, ok := c.text(o.get("type")); ok && kind != "function" {
		c.fault(o.get("type").at, "want function, got %.40q", kind)
	}
}

// definition checks the definition of a function and returns its name.
func (c *checker) definition(v value) string {
	o, ok := c.object(v)
	if !ok {
		return ""
	}
	c.only(o, "a function", []string{"name", "description", "parameters", "strict"})
	if o.has("description") {
		c.anyText(o.get("description"))
	}
	if o.has("parameters") {
		c.object(o.get("parameters"))
	}
	if o.has("strict") && !o.get("strict").is('n') {
		c.want(o.get("strict"), 't')
	}
	return c.nameOf(o)
}

// nameOf checks the name of a function.
func (c *checker) nameOf(o object) string {
	name, ok := c.text(o.get("name"))
	if ok && !functionName.MatchString(name) {
		c.fault(o.get("name").at, "the name of a function has 1 to 64 of a-z, A-Z, 0-9, _ and -")
	}
	return name
}

// toolCalls checks what an assistant's message calls.
func (c *checker) toolCalls(o object) {
	if o.has("function_call") {
		if call, ok := c.object(o.get("function_call")); ok {
			c.only(call, "a call", []string{"name", "arguments"})
			c.called(call)
		}
	}
	if !o.has("tool_calls") {
		return
	}
	calls, _ := c.list(o.get("tool_calls"))
	seen := make(map[string]bool)
	for _, v := range calls {
		call, ok := c.object(v)
		if !ok {
			continue
		}
		c.only(call, "a tool call", []string{"id", "type", "function"})
		if id, ok := c.text(call.get("id")); ok {
			if seen[id] {
				c.fault(call.get("id").at, "%.40q is the id of another call too", id)
			}
			seen[id] = true
		}
		c.isFunction(call)
		if f, ok := c.object(call.get("function")); ok {
			c.only(f, "a call", []string{"name", "arguments"})
			c.called(f)
		}
	}
}

// called checks the name and the arguments of a call.
func (c *checker) called(o object) {
	c.nameOf(o)
	arguments := o.get("arguments")
	if text, ok := c.anyText(arguments); ok && !holdsObject(text) {
		c.fault(arguments.at, "want text that holds a JSON object, got %.40q", text)
	}
}

// answered checks that each call of a tool is answered before anybody else speaks, and
// that nothing is answered that was not called. Calls of the last message need no
// answer: they are what is trained.
func (c *checker) answered(turns []turn) {
	var open, done []string // ids of the last calls
	for i, t := range turns {
		switch t.role {
		case "tool":
			id := textOf(t.get("tool_call_id"))
			switch at := slices.Index(open, id); {
			case id == "": // a fault already
			case at >= 0:
				open = slices.Delete(open, at, at+1)
				done = append(done, id)
			case slices.Contains(done, id):
				c.fault(t.at, "the call %.40q is answered already", id)
			default:
				c.fault(t.at, "a tool's message comes after an assistant's that calls it: no call has the id %.40q", id)
			}
			continue
		case "function":
			if i == 0 || !turns[i-1].has("function_call") {
				c.fault(t.at, "a function's message comes after an assistant's that calls it")
			}
		}
		if len(open) > 0 {
			c.fault(t.at, "the call %.40q is not answered before this message of the %s", open[0], t.role)
		}
		open, done = callIDs(t), nil
	}
}

// callIDs returns the ids of the calls of a message.
func callIDs(t turn) []string {
	var calls []struct {
		ID any `json:"id"`
	}
	if v := t.get("tool_calls"); v.is('[') {
		decode(v, &calls)
	}
	var ids []string
	for _, call := range calls {
		if id, ok := call.ID.(string); ok && id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// textOf returns a string; empty: it is not one.
func textOf(v value) (text string) {
	if v.is('"') {
		decode(v, &text)
	}
	return text
}

// callsKnown notes calls of functions that the example does not define.
func (c *checker) callsKnown(turns []turn, names []string) {
	for _, t := range turns {
		calls := t.get("tool_calls")
		if !calls.is('[') {
			continue
		}
		var list []struct {
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}
		decode(calls, &list) // what does not fit is a fault already
		for i, call := range list {
			if name := call.Function.Name; name != "" && !slices.Contains(names, name) {
				c.note(fmt.Sprintf("%s[%d].function.name", calls.at, i), "%.40q is not among the tools of the example", name)
			}
		}
	}
}
