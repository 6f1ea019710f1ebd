package finetune

// trlKeys are the keys of a message that chat templates read.
var trlKeys = []string{"role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "thinking"}

// conversation checks messages of TRL. It returns none if one of them is not one.
func (c *checker) conversation(v value) []turn {
	messages, _ := c.list(v)
	var turns []turn
	for _, m := range messages {
		if t, ok := c.trlMessage(m); ok {
			turns = append(turns, t)
		}
	}
	if len(turns) < len(messages) {
		return nil
	}
	return turns
}

// trlMessage checks one message.
func (c *checker) trlMessage(v value) (turn, bool) {
	o, ok := c.object(v)
	if !ok {
		return turn{}, false
	}
	role, content, known := o.get("role"), o.get("content"), trlKeys
	if c.columns.kind == fromValue { // TRL renames the keys, and not the speakers
		role, content, known = o.get("from"), o.get("value"), append([]string{"from", "value"}, trlKeys[2:]...)
		if content.raw == nil {
			c.fault(content.at, "missing")
			return turn{}, false
		}
	}
	name, ok := c.text(role)
	if !ok {
		return turn{}, false
	}
	switch name {
	case "system", "user", "assistant", "tool":
	case "developer":
		c.note(role.at, "not every chat template knows the role developer")
	default:
		c.fault(role.at, "%.40q is no role here", name)
		return turn{}, false
	}
	c.others(o, known)
	calls := c.trlCalls(o.get("tool_calls"))
	c.trlContent(content, calls)
	return turn{o, name}, true
}

// trlContent checks what a message says: text, or parts. A call may stand in for it.
func (c *checker) trlContent(v value, calls bool) {
	switch {
	case v.absent() && calls:
	case v.absent():
		c.note(v.at, "no text")
	case v.is('['):
		parts, _ := c.anyList(v)
		for _, p := range parts {
			c.trlPart(p)
		}
		if len(parts) == 0 {
			c.note(v.at, "no text")
		}
	case calls:
		c.anyText(v)
	default:
		c.maybeEmpty(v)
	}
}

// trlPart checks a part of a content. What is not text is for models that take it.
func (c *checker) trlPart(v value) {
	o, ok := c.object(v)
	if !ok {
		return
	}
	if kind := o.get("type"); kind.raw == nil || textOf(kind) == "text" {
		c.anyText(o.get("text"))
	} else if name, ok := c.text(kind); ok {
		c.note(kind.at, "a part of type %.40q is for models that take it", name)
	}
}

// trlCalls checks the calls of a message and reports whether there are any.
func (c *checker) trlCalls(v value) bool {
	if v.absent() {
		return false
	}
	calls, _ := c.anyList(v)
	for _, call := range calls {
		o, ok := c.object(call)
		if !ok {
			continue
		}
		if f := o.get("function"); !f.absent() {
			if o, ok = c.object(f); !ok {
				continue
			}
		}
		c.text(o.get("name"))
		switch arguments := o.get("arguments"); {
		case arguments.raw == nil:
			c.fault(arguments.at, "missing")
		case !arguments.is('{'):
			c.note(arguments.at, "chat templates expect an object, got %s", kindName(arguments.raw.Kind()))
		}
	}
	return len(calls) > 0
}
