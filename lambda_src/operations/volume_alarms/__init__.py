"""Warning and critical alarms on the free space of every volume of every EC2 instance."""
